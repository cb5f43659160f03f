import Charts
import JSON

/// A report as an entry holds it: everything that its verb filled in.
extension Report {
  /// Nil where something in it cannot be written down without loss.
  func stored(evidence type: (any StorableEvidence.Type)?) -> JSON? {
    var object = JSONObject()
    if let value { object["value"] = .number(value) }
    object["fields"] = .object(fields)
    object["display"] = .array(display.map(\.json))
    object["notes"] = .array(notes.map(JSON.string))
    object["basis"] = .array(
      basis.map { [.string($0.what), .string($0.text), .string($0.identity), .string($0.advice)] })
    if let model { object["model"] = .string(model) }
    if let evidence {
      guard type != nil, let evidence = evidence as? any StorableEvidence else { return nil }
      object["evidence"] = evidence.json
    }
    let json = JSON.object(object)
    return json.isExact ? json : nil
  }

  /// Nil where the text is no stored report.
  init?(stored json: JSON, evidence type: (any StorableEvidence.Type)?) {
    guard let fields = json["fields"]?.objectValue, let display = json["display"]?.arrayValue,
      let notes = json["notes"]?.arrayValue, let basis = json["basis"]?.arrayValue
    else { return nil }
    self.init(
      value: json["value"]?.doubleValue, fields: fields,
      display: display.compactMap(Display.init), notes: notes.compactMap(\.stringValue))
    guard self.display.count == display.count else { return nil }
    self.basis = basis.compactMap { stored in
      let texts = (stored.arrayValue ?? []).compactMap(\.stringValue)
      guard texts.count == 4 else { return nil }
      return Basis(texts[0], texts[1], identity: texts[2], advice: texts[3])
    }
    model = json["model"]?.stringValue
    if let stored = json["evidence"] {
      guard let evidence = type?.init(stored) else { return nil }
      self.evidence = evidence
    }
  }
}

extension Display {
  fileprivate var json: JSON {
    switch self {
    case .text(let text): .string(text)
    case .chart(let chart): ["chart": chart.stored]
    case .grid(let grid):
      [
        "columns": .array(grid.columns.map(JSON.string)),
        "rows": .array(grid.rows.map { .array($0.map(JSON.string)) }),
      ]
    }
  }

  fileprivate init?(_ json: JSON) {
    if let text = json.stringValue {
      self = .text(text)
      return
    }
    if let stored = json["chart"] {
      guard let chart = Chart(stored: stored) else { return nil }
      self = .chart(chart)
      return
    }
    guard let columns = json["columns"]?.arrayValue, let rows = json["rows"]?.arrayValue else {
      return nil
    }
    self = .grid(
      Grid(
        columns: columns.compactMap(\.stringValue),
        rows: rows.map { ($0.arrayValue ?? []).compactMap(\.stringValue) }))
  }
}

extension Warning {
  var stored: JSON {
    [
      "code": .string(code), "message": .string(message),
      "parameter": parameter.map(JSON.string) ?? .null, "help": help.map(JSON.string) ?? .null,
      "notes": .array(notes.map(JSON.string)),
    ]
  }

  init?(stored json: JSON) {
    guard let code = json["code"]?.stringValue, let message = json["message"]?.stringValue else {
      return nil
    }
    self.init(
      code: code, message: message, parameter: json["parameter"]?.stringValue,
      help: json["help"]?.stringValue,
      notes: (json["notes"]?.arrayValue ?? []).compactMap(\.stringValue))
  }
}

extension JSON {
  /// Whether the value survives being written and read: it holds no infinity and no NaN.
  var isExact: Bool {
    switch self {
    case .number(let value): value.isFinite
    case .array(let elements): elements.allSatisfy(\.isExact)
    case .object(let object): object.allSatisfy { $0.value.isExact }
    default: true
    }
  }
}

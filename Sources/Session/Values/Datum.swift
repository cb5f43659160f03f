import JSON
import Language

/// A value of the language while it runs.
public enum Datum: Sendable {
  case nothing
  case number(Quantity)
  /// A string or a bare word: they are the same.
  case string(String)
  case bool(Bool)
  case list([Datum])
  /// An object out of a report: `$r.layers[0]`.
  case record(JSONObject)
  case model(any ModelValue)
  case dataset(any DatasetValue)
  case report(Report)
  case table(Table)
  /// What only the run will tell; its kind may be known. Exists while a script is checked, verbs never see it.
  case pending(Kind)

  public var kind: Kind {
    switch self {
    case .nothing: .nothing
    case .number: .number
    case .string: .string
    case .bool: .bool
    case .list: .list
    case .record: .record
    case .model: .model
    case .dataset: .dataset
    case .report: .report
    case .table: .table
    case .pending(let kind): kind
    }
  }

  /// Whether the value itself is known, its elements included.
  var isKnown: Bool {
    switch self {
    case .pending: false
    case .list(let elements): elements.allSatisfy(\.isKnown)
    default: true
    }
  }

  /// The value as text, as labels and strings interpolate it.
  public var text: String {
    switch self {
    case .nothing: ""
    case .number(let quantity): quantity.text
    case .string(let text): text
    case .bool(let value): value ? "yes" : "no"
    case .list(let elements): elements.map(\.text).joined(separator: " ")
    case .record(let object): JSON.object(object).text()
    case .model(let model): model.lineage
    case .dataset(let dataset): dataset.name
    case .report(let report): report.value.map { JSON.number($0).shortText } ?? report.verb
    case .table(let table): table.rows.map(\.label).joined(separator: " ")
    case .pending: "…"
    }
  }

  /// As a diagnostic quotes it: `` `four` ``, `a list`.
  var quoted: String {
    switch self {
    case .number, .string, .bool: "`\(text)`"
    default: kind.phrase
    }
  }
}

/// A number with its unit, and as it was written.
public struct Quantity: Sendable, Equatable {
  /// In the unit's base: bytes, seconds; 5% is 0.05.
  public var value: Double
  public var unit: Number.Unit
  public var text: String

  public init(_ value: Double, unit: Number.Unit = .none, text: String? = nil) {
    self.value = value
    self.unit = unit
    self.text = text ?? JSON.number(value).shortText
  }

  init(_ number: Number) {
    self.init(number.value, unit: number.unit, text: number.text)
  }

  /// The value as a whole number, where it is one exactly.
  public var integer: Int? { value.magnitude <= 0x1p53 ? Int(exactly: value) : nil }
}

extension JSON {
  /// A scalar as people read it: whole numbers without a fraction, strings without quotes.
  public var shortText: String {
    switch self {
    case .null: ""
    case .bool(let value): value ? "yes" : "no"
    case .number(let value):
      value.magnitude < 0x1p53 ? Int(exactly: value).map(String.init) ?? "\(value)" : "\(value)"
    case .string(let value): value
    default: text()
    }
  }

  /// Whether it fits one cell of a table.
  var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}

extension Datum {
  /// A value out of a report.
  public init(_ json: JSON) {
    switch json {
    case .null: self = .nothing
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .number(Quantity(Double(value), text: String(value)))
    case .number(let value): self = .number(Quantity(value))
    case .string(let value): self = .string(value)
    case .array(let values): self = .list(values.map(Datum.init))
    case .object(let object): self = .record(object)
    }
  }

  /// The value as JSON; models and datasets by their names.
  public var json: JSON {
    switch self {
    case .nothing, .pending: .null
    case .number(let quantity): quantity.integer.map(JSON.int) ?? .number(quantity.value)
    case .string(let text): .string(text)
    case .bool(let value): .bool(value)
    case .list(let elements): .array(elements.map(\.json))
    case .record(let object): .object(object)
    case .model(let model): .string(model.lineage)
    case .dataset(let dataset): .string(dataset.name)
    case .report(let report): report.json
    case .table(let table): table.json
    }
  }
}

extension Datum {
  /// The object that stands for a value that a statement yielded; reports and tables have their own.
  public var reportJSON: JSON {
    var object = common(verb: "value", label: nil, model: nil, device: nil, seconds: 0)
    object["value"] = json
    return .object(object)
  }
}

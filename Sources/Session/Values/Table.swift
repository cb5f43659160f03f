import JSON

/// The results of branches, keyed by label.
public struct Table: Sendable {
  public struct Row: Sendable {
    public var label: String
    /// What the branch yielded: a report, a model, a table, a value.
    public var result: Datum
    /// How long the whole branch took; nil where it is not known.
    public var seconds: Double?

    public init(label: String, result: Datum, seconds: Double? = nil) {
      self.label = label
      self.result = result
      self.seconds = seconds
    }
  }

  public var rows: [Row]
  /// The branch that the table itself stands in, or nil.
  public var label: String?
  /// The lineage of the model that the branches started from.
  public var model: String?
  public var device: String?
  public var seconds: Double
  public var pack: String?

  public init(rows: [Row] = [], label: String? = nil, model: String? = nil, device: String? = nil) {
    self.rows = rows
    self.label = label
    self.model = model
    self.device = device
    seconds = 0
  }

  public subscript(label: String) -> Datum? { rows.first { $0.label == label }?.result }

  /// The rows with those of inner tables in their places, under `outer / inner`; where there is one outer row alone, its
  /// label tells nothing apart and is left out.
  public var leaves: [Row] {
    rows.flatMap { row in
      guard case .table(let inner) = row.result else { return [row] }
      guard rows.count > 1 else { return inner.leaves }
      return inner.leaves.map { leaf in
        var leaf = leaf
        leaf.label = "\(row.label) / \(leaf.label)"
        return leaf
      }
    }
  }

  /// `label`, then every scalar that a result has, in the order of first sight; `model` last. Where one verb made all rows,
  /// what every row has goes before what only some have.
  public var columns: [String] {
    var columns: [String] = []
    var counts: [String: Int] = ["label": 0, "model": 0]
    let leaves = leaves
    for row in leaves {
      for (key, value) in Self.cells(row) where value.isScalar {
        if counts[key] == nil { columns.append(key) }
        counts[key, default: 0] += value.isNull ? 0 : 1
      }
    }
    if verb != nil {
      let isWhole = { counts[$0] == leaves.count }
      columns = columns.filter(isWhole) + columns.filter { !isWhole($0) }
    }
    return ["label"] + columns + ["model"]
  }

  /// One row per leaf, one cell per column; null where a result has no such field.
  public var cells: [[JSON]] {
    let columns = columns
    return leaves.map { row in
      var cells = Self.cells(row)
      cells["label"] = .string(row.label)
      return columns.map { key in
        cells[key].flatMap { $0.isScalar ? $0 : nil } ?? .null
      }
    }
  }

  /// The verb that made every row's report, where it is one verb.
  public var verb: String? {
    var found: String?
    for row in leaves {
      guard case .report(let report) = row.result, found == nil || found == report.verb else {
        return nil
      }
      found = report.verb
    }
    return found
  }

  /// One object: the common fields, then `columns` and `rows`.
  public var json: JSON {
    var object = common(
      verb: "table", label: label, model: model, device: device, seconds: seconds)
    object["columns"] = .array(columns.map(JSON.string))
    object["rows"] = .array(cells.map(JSON.array))
    if let pack { object["pack"] = .string(pack) }
    return .object(object)
  }

  private static func cells(_ row: Row) -> JSONObject {
    var cells = cells(row.result)
    if let seconds = row.seconds, cells["seconds"] != nil { cells["seconds"] = .number(seconds) }
    return cells
  }

  private static func cells(_ result: Datum) -> JSONObject {
    switch result {
    case .report(let report):
      var cells = JSONObject()
      if let value = report.value, report.headline == nil { cells["value"] = .number(value) }
      for (key, value) in report.fields { cells[key] = value }
      cells["seconds"] = .number(report.seconds)
      if report.cachedSeconds != nil { cells["cached"] = true }
      if let model = report.model { cells["model"] = .string(model) }
      return cells
    case .model(let model):
      var cells = model.fields
      cells["model"] = .string(model.lineage)
      return cells
    case .record(let object): return object
    case .nothing, .pending, .table: return JSONObject()
    case .number, .string, .bool, .list, .dataset:
      return JSONObject([("value", result.json)])
    }
  }
}

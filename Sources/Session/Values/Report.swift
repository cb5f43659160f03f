import Charts
import JSON

/// What a verb found out, for people and for programs.
///
/// A verb fills in its own fields and what to show; the session adds which verb, branch, model and device it was and
/// how long it took.
public struct Report: Sendable {
  public var verb: String
  /// The branch it was made in, or nil.
  public var label: String?
  /// The lineage of the model it speaks of: the verb's, or else the one that the verb took or made.
  public var model: String?
  /// The verb's, or else the host's.
  public var device: String?
  public var seconds: Double
  /// How long the work took when it was done, where the report comes from the cache.
  public var cachedSeconds: Double?
  /// The packs in use when it was made (`demo`), or nil.
  public var pack: String?
  /// The headline number; JSON has it as `value`.
  public var value: Double?
  /// The field that is the headline number too, where it has a name of its own; tables then show it once.
  public var headline: String?
  /// The verb's own fields in their order.
  public var fields: JSONObject
  /// What people are shown. Empty: the headline and the scalar fields.
  public var display: [Display]
  /// What a reader must know: `cached`, defaults that a pack changed.
  public var notes: [String]
  /// How the headline was measured: two numbers compare where these are the same.
  public var basis: [Basis] = []
  /// What later verbs need and nobody reads, such as the loss of every document. Never written.
  public var evidence: (any Sendable)?
  /// How it came to be; nil where that cannot be told.
  public internal(set) var provenance: Provenance?
  /// The reports that it was put together from, by their columns.
  public internal(set) var parts: [(name: String, report: Report)] = []

  public init(
    value: Double? = nil, fields: JSONObject = JSONObject(), display: [Display] = [],
    notes: [String] = [], evidence: (any Sendable)? = nil
  ) {
    verb = ""
    seconds = 0
    self.value = value
    self.fields = fields
    self.display = display
    self.notes = notes
    self.evidence = evidence
  }

  /// One object: the common fields, then the verb's own.
  public var json: JSON {
    var object: JSONObject = common(
      verb: verb, label: label, model: model, device: device, seconds: seconds)
    if let value { object["value"] = .number(value) }
    for (key, value) in fields { object[key] = value }
    if let cachedSeconds {
      object["cached"] = true
      object["cached_seconds"] = .number((cachedSeconds * 1e6).rounded() / 1e6)
    }
    if let pack { object["pack"] = .string(pack) }
    if !notes.isEmpty { object["notes"] = .array(notes.map(JSON.string)) }
    return .object(object)
  }
}

/// One thing that a number depends on beside what it measures, such as the protocol.
public struct Basis: Sendable, Equatable {
  /// `protocol`, `tokenizer`: the code of the warning is `compare.` and this.
  public var what: String
  /// In words, for people.
  public var text: String
  /// What tells two of them apart.
  public var identity: String
  /// What to do about two that differ.
  public var advice: String

  public init(_ what: String, _ text: String, identity: String? = nil, advice: String) {
    self.what = what
    self.text = text
    self.identity = identity ?? text
    self.advice = advice
  }
}

/// The fields that every object has.
func common(
  verb: String, label: String?, model: String?, device: String?, seconds: Double
) -> JSONObject {
  JSONObject([
    ("verb", .string(verb)), ("label", label.map(JSON.string) ?? .null),
    ("model", model.map(JSON.string) ?? .null), ("device", device.map(JSON.string) ?? .null),
    ("seconds", .number((seconds * 1e6).rounded() / 1e6)),
  ])
}

/// One part of what a report shows.
public enum Display: Sendable, Equatable {
  /// A line, or several.
  case text(String)
  case grid(Grid)
  case chart(Chart)
}

/// Cells in columns; the console aligns and cuts them.
public struct Grid: Sendable, Equatable {
  /// Empty: no header line.
  public var columns: [String]
  public var rows: [[String]]
  /// Whether what is too long for the last column goes on below instead of being cut: sentences.
  public var wraps: Bool

  public init(columns: [String] = [], rows: [[String]], wraps: Bool = false) {
    self.columns = columns
    self.rows = rows
    self.wraps = wraps
  }

  /// The grid without the columns in which no row has anything.
  public var withoutEmptyColumns: Grid {
    let filled = columns.indices.filter { column in
      rows.isEmpty || rows.contains { $0.indices.contains(column) && !$0[column].isEmpty }
    }
    return Grid(
      columns: filled.map { columns[$0] },
      rows: rows.map { row in filled.compactMap { row.indices.contains($0) ? row[$0] : nil } },
      wraps: wraps)
  }
}

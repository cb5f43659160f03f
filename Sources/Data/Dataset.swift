import JSON
import Runtime

/// Rows of text data, or a promise of random token ids.
///
/// A value that is cheap to copy: slices and copies share the open files. Rows are parsed when they are asked for.
///
/// Guarantee: a dataset of rows has at least one.
public struct Dataset: Sendable {
  public enum Kind: Sendable, Equatable {
    case rows
    /// Token ids drawn evenly from a vocabulary that only its user knows, by a generator with this seed.
    case randomTokens(seed: UInt64)
  }

  /// What a verb wants rows for.
  public enum Role: String, Sendable, CaseIterable {
    case train, eval, test
  }

  /// As people call it: `tiny-codes`, `rows.jsonl`.
  public var name: String
  /// The file or folder it comes from; `random` for random tokens.
  public let source: String
  public let kind: Kind
  /// How a row becomes text.
  public private(set) var template: Template?
  /// The column that is the text, where no template is.
  public private(set) var field: String?
  /// The columns in order: the header, or the keys of the first rows.
  public private(set) var columns: [String]
  /// The split that the rows belong to, `train` where nothing says otherwise.
  public private(set) var split: String
  /// Which rows of the split these are.
  public private(set) var range: Range<Int>
  /// Whether the rows were chosen by hand, by slice or by name; then verbs take them as they are.
  public private(set) var isChosen = false

  let splits: Splits?
  var rows: any RowSource
  /// The rows set aside for each role, of a dataset that is not sliced by hand.
  public let slices: [Role: SliceSpec]

  init(
    name: String, splits: Splits, opened: Splits.Opened, template: Template?, field: String?,
    slices: [Role: SliceSpec]
  ) {
    self.name = name
    self.source = splits.source
    self.kind = .rows
    self.template = template
    self.field = field
    self.columns = opened.columns
    self.split = opened.name
    self.range = 0..<opened.rows.count
    self.splits = splits
    self.rows = opened.rows
    self.slices = slices
  }

  /// A dataset of random token ids, for timing. It has no end, no columns and no text.
  public static func random(seed: UInt64 = 0) -> Dataset { Dataset(seed: seed) }

  private init(seed: UInt64) {
    name = "random"
    source = "random"
    kind = .randomTokens(seed: seed)
    columns = []
    split = "train"
    range = 0..<Int.max
    splits = nil
    rows = LoadedRows(rows: [])
    slices = [:]
  }

  /// How many rows there are.
  public var count: Int { range.count }

  public var isRandomTokens: Bool { kind != .rows }

  /// The names of all splits.
  public var splitNames: [String] { splits?.names ?? [split] }
  /// Every name that `named` takes: of splits, then of the slices that are none.
  public var partNames: [String] {
    splitNames + slices.keys.map(\.rawValue).filter { !splitNames.contains($0) }.sorted()
  }

  /// What it is, with the rows it is cut to: `wikitext.test[:64]`.
  public var label: String {
    let whole = isRandomTokens ? range == 0..<Int.max : range == 0..<rows.count
    let cut =
      whole
      ? ""
      : "[\(range.lowerBound == 0 ? "" : "\(range.lowerBound)"):"
        + "\(range.upperBound == Int.max ? "" : "\(range.upperBound)")]"
    return name + (splitNames.count > 1 ? ".\(split)" : "") + cut
  }

  /// Row `index`, counted from 0 within this dataset.
  ///
  /// - Throws: `DatasetFailure`, with the line for a row that does not parse.
  public func row(_ index: Int) throws -> Row {
    guard !isRandomTokens else { throw DatasetFailure.noRowsInRandom(dataset: name) }
    guard index >= 0 && index < count else {
      throw DatasetFailure.beyondEnd(dataset: label, slice: "\(index)", rows: count)
    }
    let place = range.lowerBound + index
    return Row(index: place, values: try rows.row(place))
  }

  // MARK: Parts

  /// The rows from `lower` up to and without `upper`; nil stands for the beginning and the end.
  ///
  /// - Throws: `DatasetFailure.beyondEnd` where there are not that many, `.emptySlice` where none remain.
  public func slice(_ lower: Int?, _ upper: Int?) throws -> Dataset {
    try slice(
      SliceSpec(lower: lower.map { .row($0) }, upper: upper.map { .row($0) }))
  }

  /// The rows that `spec` means, of the split it names or of these.
  public func slice(_ spec: SliceSpec) throws -> Dataset {
    var dataset = try spec.split.map { try opened(split: $0) } ?? self
    let cut = try spec.rows(of: dataset.count, dataset: dataset.label)
    let start = dataset.range.lowerBound
    dataset.range = start + cut.lowerBound..<start + cut.upperBound
    dataset.isChosen = true
    return dataset
  }

  /// The first `count` rows.
  ///
  /// - Throws: `DatasetFailure.beyondEnd` where there are fewer.
  public func first(_ count: Int) throws -> Dataset { try slice(nil, count) }

  /// What `dataset.NAME` means: the slice declared for that role, else the split of that name.
  ///
  /// - Throws: `DatasetFailure.noSplit`.
  public func named(_ name: String) throws -> Dataset {
    if let role = Role(rawValue: name), let spec = slices[role] { return try slice(spec) }
    if isRandomTokens && Role(rawValue: name) != nil { return self }
    var dataset = try opened(split: name)
    dataset.isChosen = true
    return dataset
  }

  /// The rows to take for a role: these where they were chosen by hand, else the slice declared for the role, else the
  /// split that goes with it, else, for training and testing, all. Nil where nothing is set aside for evaluation.
  public func rows(for role: Role) throws -> Dataset? {
    if isRandomTokens || isChosen { return role == .eval ? nil : self }
    if let spec = slices[role] { return try slice(spec) }
    let name = role == .eval ? "validation" : role.rawValue
    if splitNames.contains(name) { return try named(name) }
    return role == .eval ? nil : self
  }

  /// This dataset with all rows of another split.
  private func opened(split name: String) throws -> Dataset {
    guard let splits, let known = splits.resolve(name) else {
      throw DatasetFailure.noSplit(
        dataset: self.name, name: name,
        available: partNames)
    }
    let opened = try splits.open(known)
    var dataset = self
    dataset.split = known
    dataset.rows = opened.rows
    dataset.columns = opened.columns
    dataset.range = 0..<opened.rows.count
    try dataset.checkColumns()
    return dataset
  }

  // MARK: Text

  /// The same rows, read through a template; nil removes it.
  ///
  /// - Throws: `UnknownColumn`.
  public func with(template: Template?) throws -> Dataset {
    var dataset = self
    dataset.template = template
    try dataset.checkColumns()
    return dataset
  }

  /// The same rows with another column as the text, and no template.
  ///
  /// - Throws: `UnknownColumn`.
  public func with(field: String?) throws -> Dataset {
    var dataset = self
    dataset.field = field
    if field != nil { dataset.template = nil }
    try dataset.checkColumns()
    return dataset
  }

  func checkColumns() throws {
    guard !isRandomTokens else { return }
    try template?.check(against: columns, dataset: name)
    if let field, !columns.contains(field) {
      throw UnknownColumn(column: field, columns: columns, dataset: name)
    }
  }
}

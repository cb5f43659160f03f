/// What a dataset is declared with beside its path.
public struct DatasetOptions: Sendable {
  /// What to call it; the last part of the path by default.
  public var name: String?
  public var template: Template?
  public var field: String?
  /// The folder inside that holds the dataset, where several lie side by side: `wikitext-2-raw-v1`.
  public var config: String?
  /// The split to take; `train` where there is one, else the first.
  public var split: String?
  /// What `finetune` takes, what it evaluates on, and what `ppl` takes.
  public var train: SliceSpec?
  public var eval: SliceSpec?
  public var test: SliceSpec?

  public init(
    name: String? = nil, template: Template? = nil, field: String? = nil, config: String? = nil,
    split: String? = nil, train: SliceSpec? = nil, eval: SliceSpec? = nil, test: SliceSpec? = nil
  ) {
    self.name = name
    self.template = template
    self.field = field
    self.config = config
    self.split = split
    self.train = train
    self.eval = eval
    self.test = test
  }
}

extension Dataset {
  /// Opens a file, or a folder laid out as on the hub.
  ///
  /// The first rows are parsed, the others only found; `template`, `field` and the slices are checked.
  ///
  /// - Throws: `DatasetFailure`, `UnknownColumn`.
  public static func open(_ path: String, _ options: DatasetOptions = DatasetOptions()) throws
    -> Dataset
  {
    let splits = try Splits(
      options.config.map { try SplitLayout.configuration($0, in: path) } ?? path)
    let name =
      options.name ?? path.split(separator: "/").last.map { String($0) } ?? path
    let wanted = options.split ?? (splits.resolve("train") ?? splits.names[0])
    guard let split = splits.resolve(wanted) else {
      throw DatasetFailure.noSplit(dataset: name, name: wanted, available: splits.names)
    }
    var slices: [Role: SliceSpec] = [:]
    slices[.train] = options.train
    slices[.eval] = options.eval
    slices[.test] = options.test
    let dataset = Dataset(
      name: name, splits: splits, opened: try splits.open(split), template: options.template,
      field: options.field, slices: slices)
    try dataset.checkColumns()
    for spec in slices.values {
      guard let other = spec.split else {
        _ = try dataset.slice(spec)
        continue
      }
      // Other splits are opened when they are needed; that they exist can be known now.
      guard let known = splits.resolve(other) else {
        throw DatasetFailure.noSplit(dataset: name, name: other, available: splits.names)
      }
      if known == split { _ = try dataset.slice(spec) }
    }
    return dataset
  }
}

import Runtime

/// What can be wrong with a dataset, as the file or the request has it.
public enum DatasetFailure: Failure, Equatable {
  /// The file or folder could not be read; `reason` is the system's.
  case unreadable(path: String, reason: String)
  /// Something that is no dataset format of olv's.
  case unsupported(path: String, found: String, advice: String)
  /// A gzip file that is damaged or ends too early, at this byte of the compressed file.
  case damagedGzip(path: String, offset: Int, reason: String)
  /// More than is read into memory at once.
  case tooLarge(path: String, limit: Int, what: String)
  /// A row that breaks its format. The line is 1-based, of the decompressed text.
  case malformed(path: String, line: Int, reason: String, excerpt: String)
  /// A file that was altered while it was in use.
  case changed(path: String)
  /// There is not one row.
  case noRows(source: String)
  case noDataFiles(folder: String, formats: [String])
  case missingShards(folder: String, names: [String])
  /// A folder that holds several datasets side by side.
  case severalConfigurations(folder: String, names: [String])
  case noConfiguration(folder: String, name: String, available: [String])
  case noSplit(dataset: String, name: String, available: [String])
  /// Rows were asked for that do not exist.
  case beyondEnd(dataset: String, slice: String, rows: Int)
  case emptySlice(dataset: String, slice: String, rows: Int)
  /// Nothing says which of the columns is the text.
  case noText(dataset: String, columns: [String])
  /// Random token ids have neither rows nor text.
  case noRowsInRandom(dataset: String)

  public var message: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason)"
    case .unsupported(let path, let found, _):
      "\(path) is \(found), which is not a dataset format that can be read"
    case .damagedGzip(let path, let offset, let reason):
      "\(path): the gzip data is damaged near byte \(offset): \(reason)"
    case .tooLarge(let path, let limit, let what):
      "\(path): \(what) exceeds the limit of \(limit) bytes"
    case .malformed(let path, let line, let reason, let excerpt):
      "\(path):\(line): \(reason)" + (excerpt.isEmpty ? "" : ", found `\(excerpt)`")
    case .changed(let path):
      "\(path) was changed while it was being read"
    case .noRows(let source):
      "\(source) holds no rows"
    case .noDataFiles(let folder, _):
      "there are no data files in \(folder)"
    case .missingShards(let folder, let names):
      "\(folder) is incomplete: \(names.list(limit: 4)) "
        + (names.count == 1 ? "is missing" : "are missing")
    case .severalConfigurations(let folder, let names):
      "\(folder) holds several datasets: \(names.list(limit: 12))"
    case .noConfiguration(let folder, let name, _):
      "there is no folder `\(name)` in \(folder)"
    case .noSplit(let dataset, let name, _):
      "\(dataset) has no split `\(name)`"
    case .beyondEnd(let dataset, let slice, let rows):
      "[\(slice)] reaches beyond the end of \(dataset), which has \(Words.counted(rows, "row"))"
    case .emptySlice(let dataset, let slice, let rows):
      "[\(slice)] of \(dataset) holds no rows (it has \(rows))"
    case .noText(let dataset, _):
      "\(dataset) has no template and no column `text`"
    case .noRowsInRandom(let dataset):
      "\(dataset) consists of random token ids: it has no rows and no text"
    }
  }

  public var help: String? {
    switch self {
    case .unsupported(_, _, let advice): advice
    case .damagedGzip: "download or copy the file again"
    case .changed: "open it again"
    case .noDataFiles(_, let formats): "formats: \(formats.joined(separator: ", "))"
    case .missingShards: "download the whole dataset"
    case .severalConfigurations(let folder, let names):
      names.first.map { "say config=\($0), or name the folder: \(folder)/\($0)" }
    case .noConfiguration(_, _, let available):
      available.isEmpty ? nil : "folders: \(available.list(limit: 12))"
    case .noSplit(_, _, let available): "it has \(available.list(limit: 12))"
    case .noText(_, let columns):
      "say template=\"… {\(columns.first ?? "column")} …\" or field=; columns: "
        + columns.list(limit: 24)
    default: nil
    }
  }
}

/// A template, field or other name that no column of the dataset bears.
public struct UnknownColumn: Failure, Equatable {
  public var column: String
  /// The columns there are, in order.
  public var columns: [String]
  public var dataset: String

  public init(column: String, columns: [String], dataset: String) {
    self.column = column
    self.columns = columns
    self.dataset = dataset
  }

  public var message: String { "\(dataset) has no column `\(column)`" }
  public var help: String? { "columns: \(columns.list(limit: 24))" }
}

extension [String] {
  /// The first few, comma-separated, for a diagnostic.
  func list(limit: Int) -> String {
    count <= limit
      ? joined(separator: ", ")
      : prefix(limit).joined(separator: ", ") + " and \(count - limit) more"
  }
}

import Runtime
import Synchronization

/// The splits of a dataset: which files each consists of, opened when first needed and shared by all slices.
final class Splits: Sendable {
  /// One split, open.
  struct Opened: Sendable {
    let name: String
    let rows: any RowSource
    let columns: [String]
  }

  private struct Window: Hashable {
    let split: String
    let range: Range<Int>
  }

  let source: String
  /// In the order train, validation, test, others by name.
  let names: [String]
  private let files: [String: [String]]
  private let opened = Mutex<[String: Opened]>([:])
  private let hashes = Mutex<[Window: String]>([:])

  /// - Throws: `DatasetFailure` for a path that is absent or a folder without data files.
  init(_ path: String) throws {
    source = path
    let layout = try SplitLayout.of(path)
    names = layout.map(\.split)
    files = Dictionary(layout.map { ($0.split, $0.files) }) { $0 + $1 }
  }

  /// The split of this name, or the one that hub datasets may call so.
  func resolve(_ name: String) -> String? {
    if files[name] != nil { return name }
    let standard = SplitLayout.keywords[name.lowercased()]
    return standard.flatMap { files[$0] == nil ? nil : $0 }
  }

  /// - Throws: `DatasetFailure`, `.noRows` for a split without rows too.
  func open(_ name: String) throws -> Opened {
    try opened.withLock { opened in
      if let split = opened[name] { return split }
      let parts = try (files[name] ?? []).map { try DatasetFormats.open($0) }
      let rows = parts.count == 1 ? parts[0] : try JoinedRows(parts)
      guard rows.count > 0 else {
        throw DatasetFailure.noRows(
          source: names.count > 1 ? "the split `\(name)` of \(source)" : source)
      }
      let split = Opened(name: name, rows: rows, columns: try rows.columns())
      opened[name] = split
      return split
    }
  }

  /// A hash of the rows in a range of a split, computed once.
  func rowsHash(split: String, range: Range<Int>) throws -> String {
    let window = Window(split: split, range: range)
    if let known = hashes.withLock({ $0[window] }) { return known }
    let rows = try open(split).rows
    var hash = SHA256()
    var steps = Steps("hash rows", of: range.count, unit: "rows")
    for index in range {
      try steps.advance()
      try rows.digest(index, into: &hash)
    }
    let text = hash.finish()
    hashes.withLock { $0[window] = text }
    return text
  }
}

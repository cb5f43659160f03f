import JSON
import Runtime

/// The rows of one file or of several, parsed when asked for.
protocol RowSource: Sendable {
  var count: Int { get }
  /// The columns, where the format names them ahead of the rows.
  var header: [String]? { get }
  /// Row `index`, which is below `count`.
  func row(_ index: Int) throws -> JSONObject
  /// Feeds the content of row `index` to a hash.
  func digest(_ index: Int, into hash: inout SHA256) throws
  /// The text that the rows were cut from, where the format is plain text.
  func originalText() throws -> String?
}

extension RowSource {
  var header: [String]? { nil }
  func originalText() throws -> String? { nil }

  /// How many rows are looked at for their columns.
  static var sample: Int { 32 }

  /// The columns in order: the header, or every key of the first rows.
  ///
  /// - Throws: what is wrong with those rows.
  func columns() throws -> [String] {
    if let header { return header }
    var seen: Set<String> = []
    var columns: [String] = []
    for index in 0..<min(count, Self.sample) {
      for key in try row(index).keys where seen.insert(key).inserted { columns.append(key) }
    }
    return columns
  }
}

/// Rows that lie one after the other in a file's bytes.
struct IndexedRows: RowSource {
  /// What the bytes are, as far as a hash must tell rows apart by it.
  let kind: String
  let bytes: ByteSource
  let ranges: [Range<Int>]
  var header: [String]?
  /// Makes a row of the bytes in a range.
  let parse: @Sendable (ByteSource, Range<Int>) throws -> JSONObject
  /// Whether the bytes as a whole are a text.
  var isPlainText = false

  var count: Int { ranges.count }

  func row(_ index: Int) throws -> JSONObject { try parse(bytes, ranges[index]) }

  func digest(_ index: Int, into hash: inout SHA256) throws {
    hash.update(kind)
    for column in header ?? [] { hash.update(column) }
    try bytes.withBytes(ranges[index]) { row in
      withUnsafeBytes(of: UInt64(row.count).littleEndian) { hash.update($0) }
      hash.update(row)
    }
  }

  func originalText() throws -> String? {
    isPlainText ? try bytes.text(0..<bytes.count) : nil
  }
}

/// Rows that were all read at once.
struct LoadedRows: RowSource {
  let rows: [JSONObject]
  var count: Int { rows.count }
  func row(_ index: Int) throws -> JSONObject { rows[index] }
  func digest(_ index: Int, into hash: inout SHA256) throws {
    hash.update(JSON.object(rows[index]).text())
  }
}

/// The rows of several files, one file after the other.
struct JoinedRows: RowSource {
  private let parts: [any RowSource]
  /// Where each part's rows begin, and where the last part's end.
  private let starts: [Int]
  let header: [String]?

  init(_ parts: [any RowSource]) throws {
    self.parts = parts
    var starts = [0]
    for part in parts { starts.append(starts[starts.count - 1] + part.count) }
    self.starts = starts
    if parts.contains(where: { $0.header != nil }) {
      var columns: [String] = []
      for part in parts where part.count > 0 {
        for column in try part.columns() where !columns.contains(column) { columns.append(column) }
      }
      header = columns
    } else {
      header = nil
    }
  }

  var count: Int { starts[parts.count] }

  private func locate(_ index: Int) -> (part: any RowSource, row: Int) {
    var (low, high) = (0, parts.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return (parts[low], index - starts[low])
  }

  func row(_ index: Int) throws -> JSONObject {
    let (part, row) = locate(index)
    return try part.row(row)
  }

  func digest(_ index: Int, into hash: inout SHA256) throws {
    let (part, row) = locate(index)
    try part.digest(row, into: &hash)
  }
}

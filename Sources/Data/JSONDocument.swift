import JSON

/// A JSON array of objects, or an object whose member `data` is one (`.json`).
enum JSONDocument: DatasetFormat {
  static let name = "JSON"
  static let extensions = ["json"]

  static func recognizes(_ head: ArraySlice<UInt8>) -> Bool {
    head.first == UInt8(ascii: "[") || head.first == UInt8(ascii: "{")
  }

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    var scanner = JSONRowScanner(bytes: bytes)
    try bytes.scan { piece, offset in
      for (place, byte) in piece.enumerated() { try scanner.take(byte, at: offset + place) }
    }
    return IndexedRows(
      kind: "JSON", bytes: bytes, ranges: try scanner.finish(), parse: JSONLines.object)
  }
}

/// Finds where the elements of the array of rows begin and end. What is inside them is looked at when they are parsed.
struct JSONRowScanner {
  let bytes: ByteSource
  private var ranges: [Range<Int>] = []
  /// The brackets that are open.
  private var open: [UInt8] = []
  private var inString = false
  private var escaped = false
  private var started = false
  /// The depth of the rows: inside the array that holds them. Zero before that array is met.
  private var rowDepth = 0
  private var rowsEnded = false
  /// Where the row at hand began, and the end of what was seen of it.
  private var rowStart: Int?
  private var rowEnd = 0
  private var commaAt: Int?
  /// The key at hand of an outer object, and where its text begins.
  private var key: [UInt8] = []
  private var keys: [String] = []
  private var afterColon = false

  private static let maximumDepth = JSON.maximumDepth + 2

  init(bytes: ByteSource) { self.bytes = bytes }

  mutating func take(_ byte: UInt8, at offset: Int) throws {
    if inString {
      if escaped {
        escaped = false
      } else if byte == UInt8(ascii: "\\") {
        escaped = true
      } else if byte == UInt8(ascii: "\"") {
        inString = false
        rowEnd = offset + 1
        return
      }
      if open.count == 1 && rowDepth == 0 && !afterColon && key.count < 256 { key.append(byte) }
      return
    }
    if byte.isBlank { return }
    if started && open.isEmpty {
      throw bytes.malformed(at: offset, "not valid JSON: unexpected text after the document")
    }
    let isInRows = rowDepth > 0 && !rowsEnded && open.count == rowDepth
    if isInRows {
      if byte == UInt8(ascii: ",") {
        try endRow(at: offset)
        commaAt = offset
        return
      }
      if byte == UInt8(ascii: "]") {
        if rowStart != nil || commaAt != nil { try endRow(at: offset) }
        rowsEnded = true
      } else if rowStart == nil {
        rowStart = offset
      }
    }
    rowEnd = offset + 1
    switch byte {
    case UInt8(ascii: "\"") where started:
      inString = true
      if open.count == 1 && !afterColon { key = [] }
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      if rowDepth == 0 && byte == UInt8(ascii: "[")
        && (open.isEmpty || (open.count == 1 && afterColon && key == Array("data".utf8)))
      {
        rowDepth = open.count + 1
      }
      open.append(byte)
      guard open.count <= JSONRowScanner.maximumDepth else {
        throw bytes.malformed(at: offset, "nested more than \(JSON.maximumDepth) deep")
      }
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      let opening = byte == UInt8(ascii: "}") ? UInt8(ascii: "{") : UInt8(ascii: "[")
      guard open.popLast() == opening else {
        throw bytes.malformed(at: offset, "not valid JSON: a bracket that closes nothing")
      }
    case UInt8(ascii: ":") where open.count == 1 && rowDepth == 0:
      afterColon = true
      keys.append(String(decoding: key, as: UTF8.self))
    case UInt8(ascii: ",") where open.count == 1:
      afterColon = false
    default:
      guard started else {
        throw bytes.malformed(at: offset, "the document must be an array of objects")
      }
    }
    started = true
  }

  private mutating func endRow(at offset: Int) throws {
    guard let start = rowStart else {
      throw bytes.malformed(at: offset, "not valid JSON: a row is missing here")
    }
    ranges.append(start..<rowEnd)
    rowStart = nil
    commaAt = nil
  }

  /// The rows' places, when all bytes were taken.
  func finish() throws -> [Range<Int>] {
    guard !inString && open.isEmpty else {
      throw DatasetFailure.malformed(
        path: bytes.path, line: bytes.line(at: bytes.count),
        reason: "not valid JSON: the document ends too early", excerpt: "")
    }
    guard !started || rowDepth > 0 else {
      throw DatasetFailure.malformed(
        path: bytes.path, line: 1,
        reason: "expected an array of objects or an object with the member `data`, "
          + "found an object with " + (keys.isEmpty ? "no members" : keys.list(limit: 8)),
        excerpt: "")
    }
    return ranges
  }
}

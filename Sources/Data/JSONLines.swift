import JSON

/// One JSON object a line (`.jsonl`, `.ndjson`). Blank lines are no rows.
enum JSONLines: DatasetFormat {
  static let name = "JSON Lines"
  static let extensions = ["jsonl", "ndjson"]

  /// An object on the first line, and a second line that begins one.
  static func recognizes(_ head: ArraySlice<UInt8>) -> Bool {
    guard head.first == UInt8(ascii: "{"), let end = head.firstIndex(of: 0x0A) else { return false }
    let next = head[end...].drop { $0.isBlank }
    guard next.isEmpty || next.first == UInt8(ascii: "{") else { return false }
    return head[..<end].withUnsafeBytes { (try? JSON.parse($0))?.objectValue != nil }
  }

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    var ranges: [Range<Int>] = []
    try bytes.lines { range, blank in if !blank { ranges.append(range) } }
    return IndexedRows(kind: "JSON", bytes: bytes, ranges: ranges, parse: object)
  }

  /// The JSON object in a range of a file.
  ///
  /// - Throws: `DatasetFailure.malformed` with the line in the file.
  @Sendable static func object(_ bytes: ByteSource, _ range: Range<Int>) throws -> JSONObject {
    let value: JSON
    do {
      value = try bytes.withBytes(range) { try JSON.parse($0) }
    } catch let failure as JSONFailure {
      // Where the text ends too early, its beginning tells more than its end.
      let early = failure.offset >= range.count
      throw bytes.malformed(
        at: range.lowerBound + (early ? 0 : failure.offset), from: range.lowerBound,
        "not valid JSON: \(failure.reason)")
    }
    guard case .object(let object) = value else {
      throw bytes.malformed(at: range.lowerBound, "a row must be a JSON object, not \(value.kind)")
    }
    return object
  }
}

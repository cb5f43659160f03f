/// A script's text with its name and line table. Immutable and shared by reference: every span points back to it.
public final class Source: Sendable {
  /// What to call it in messages: a path, `<stdin>`, `In [3]`.
  public let name: String
  /// The text, always valid Unicode.
  public let text: String
  /// Where the bytes it came from stopped being valid UTF-8, if they did: an offset into `text`.
  public let invalidOffset: Int?

  let bytes: [UInt8]
  let lineStarts: [Int]

  public convenience init(name: String, text: String) {
    self.init(name: name, text: text, bytes: Array(text.utf8), invalidOffset: nil)
  }

  /// A source from bytes that may be anything. Invalid UTF-8 becomes U+FFFD, which the parser reports.
  public convenience init(name: String, bytes: some Collection<UInt8>) {
    if let text = String(validating: bytes, as: UTF8.self) {
      self.init(name: name, text: text, bytes: Array(bytes), invalidOffset: nil)
      return
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let repaired = Array(text.utf8)
    // The replacement's first bytes may equal the broken ones: step back to where it begins.
    var start = min(zip(repaired, bytes).prefix { $0 == $1 }.count, repaired.count - 1)
    while start > 0, repaired[start] & 0xC0 == 0x80 { start -= 1 }
    self.init(name: name, text: text, bytes: repaired, invalidOffset: start)
  }

  private init(name: String, text: String, bytes: [UInt8], invalidOffset: Int?) {
    self.name = name
    self.text = text
    self.bytes = bytes
    self.invalidOffset = invalidOffset
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(offset + 1)
    }
    lineStarts = starts
  }

  /// How many lines there are; the empty text has one.
  public var lineCount: Int { lineStarts.count }

  /// The 1-based line that holds a byte offset. Offsets outside of the text belong to the nearest line.
  public func line(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The 1-based column of a byte offset, counted in characters (as a reader counts them).
  public func column(at offset: Int) -> Int {
    let range = lineRange(line(at: offset))
    let end = min(max(offset, range.lowerBound), range.upperBound)
    return string(range.lowerBound..<end).count + 1
  }

  /// The bytes of a 1-based line without its line end; empty at the end of the text for a line that is not there.
  public func lineRange(_ line: Int) -> Range<Int> {
    guard line >= 1, line <= lineStarts.count else { return bytes.count..<bytes.count }
    let start = lineStarts[line - 1]
    var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return start..<end
  }

  /// The text of a 1-based line without its line end.
  public func lineText(_ line: Int) -> String { string(lineRange(line)) }

  /// The offset itself, or the start of the character's encoding that it cuts.
  func boundary(_ offset: Int) -> Int {
    var start = min(max(offset, 0), bytes.count)
    while start > 0, start < bytes.count, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// The text of a range of bytes, clamped to what there is.
  public func string(_ range: Range<Int>) -> String {
    String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }
}

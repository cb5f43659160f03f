import JSON

/// Plain text (`.txt`, `.text`, `.md`): a row is a paragraph, paragraphs end at blank lines; the one column is `text`.
///
/// Rows joined with a blank line, as training and perplexity join them, are the text again.
enum PlainText: DatasetFormat {
  static let name = "plain text"
  static let extensions = ["txt", "text", "md"]

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    var ranges: [Range<Int>] = []
    var paragraph: Range<Int>?
    try bytes.lines { line, blank in
      if !blank {
        paragraph = (paragraph?.lowerBound ?? line.lowerBound)..<line.upperBound
      } else if let whole = paragraph {
        ranges.append(whole)
        paragraph = nil
      }
    }
    if let whole = paragraph { ranges.append(whole) }
    return IndexedRows(
      kind: name, bytes: bytes, ranges: ranges, header: ["text"],
      parse: { bytes, range in
        JSONObject([("text", .string(unixLines(try bytes.text(range))))])
      }, isPlainText: true)
  }

  /// The text with each CR LF made LF, and without a CR at its end.
  static func unixLines(_ text: String) -> String {
    guard text.utf8.contains(0x0D) else { return text }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if byte == 0x0A, bytes.last == 0x0D { bytes.removeLast() }
      bytes.append(byte)
    }
    if bytes.last == 0x0D { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}

import JSON

/// The raw files of WikiText (`.raw`): a row is a line, as the hub's `wikitext` has it; the one column is `text`.
///
/// A line keeps its newline, and a blank line is an empty row. Rows joined with a blank line then make the text that
/// perplexities on WikiText-2 are published for.
enum WikiText: DatasetFormat {
  static let name = "WikiText"
  static let extensions = ["raw"]

  static func open(_ bytes: ByteSource) throws -> any RowSource {
    var ranges: [Range<Int>] = []
    try bytes.lines { line, blank in
      ranges.append(
        blank
          ? line.lowerBound..<line.lowerBound
          : line.lowerBound..<min(line.upperBound + 1, bytes.count))
    }
    return IndexedRows(
      kind: name, bytes: bytes, ranges: ranges, header: ["text"],
      parse: { bytes, range in
        JSONObject([("text", .string(PlainText.unixLines(try bytes.text(range))))])
      }, isPlainText: true)
  }
}

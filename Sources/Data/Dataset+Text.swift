import Runtime

extension Dataset {
  /// The column that is the text where no template is: `field`, the only column, or the one called `text`.
  public var textColumn: String? {
    if template != nil { return nil }
    if let field { return field }
    if columns.count == 1 { return columns[0] }
    return columns.contains("text") ? "text" : nil
  }

  /// Whether rows can become text; ask before long work.
  ///
  /// - Throws: `DatasetFailure.noText` or `.noRowsInRandom`.
  public func checkText() throws {
    guard !isRandomTokens else { throw DatasetFailure.noRowsInRandom(dataset: name) }
    guard template != nil || textColumn != nil else {
      throw DatasetFailure.noText(dataset: name, columns: columns)
    }
  }

  /// The text of row `index`: its template filled in, else its text column.
  ///
  /// - Throws: `DatasetFailure`.
  public func text(at index: Int) throws -> String {
    if let template { return template.render(try row(index)) }
    try checkText()
    return try row(index).text(textColumn ?? "")
  }

  /// The texts of some rows, all by default.
  ///
  /// - Throws: `DatasetFailure`, `Cancelled`.
  public func texts(_ range: Range<Int>? = nil) throws -> [String] {
    try checkText()
    let range = range ?? 0..<count
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw DatasetFailure.beyondEnd(
        dataset: label, slice: "\(range.lowerBound):\(range.upperBound)", rows: count)
    }
    var steps = Steps("read \(label)", of: range.count, unit: "rows")
    return try range.map { index in
      try steps.advance()
      return try text(at: index)
    }
  }

  /// The text of row `index` in pieces, each with the column that it comes from; nil for the template's own words.
  public func segments(at index: Int) throws -> [(text: String, column: String?)] {
    let row = try row(index)
    if let template { return template.renderSegments(row) }
    try checkText()
    let column = textColumn ?? ""
    return [(row.text(column), column)]
  }

  /// The text of row `index` and where the response stands in it, in UTF-8 bytes.
  ///
  /// The response is the template's `responseColumn`; without a template the whole text is.
  public func response(at index: Int) throws -> (text: String, range: Range<Int>) {
    let segments = try segments(at: index)
    let column = template.map(\.responseColumn) ?? textColumn
    var text = ""
    var range: Range<Int>?
    for segment in segments {
      let start = text.utf8.count
      text += segment.text
      // A column that stands there more than once is a response from its last place on.
      if segment.column != nil, segment.column == column { range = start..<text.utf8.count }
    }
    return (text, range ?? 0..<text.utf8.count)
  }

  /// The whole text that the rows were cut from, where it is one plain text file of which no row was left out, else nil.
  ///
  /// Protocols that slide a window over a file need it: rows joined again differ from it in blanks.
  public func originalText() throws -> String? {
    range == 0..<rows.count && template == nil ? try rows.originalText() : nil
  }

  /// A hash of what the rows say and of how they become text: equal for equal content, wherever it lies.
  ///
  /// - Throws: `DatasetFailure`, `Cancelled`.
  public func contentHash() throws -> String {
    var hash = SHA256()
    hash.update("olv dataset 1")
    hash.update(template.map { "template \($0.source)" } ?? "")
    hash.update(textColumn.map { "column \($0)" } ?? "")
    if case .randomTokens(let seed) = kind {
      hash.update("random \(seed) \(range.lowerBound) \(range.upperBound)")
      return hash.finish()
    }
    hash.update(try splits?.rowsHash(split: split, range: range) ?? "")
    return hash.finish()
  }
}

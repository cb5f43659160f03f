/// A change of the text that would make it right, or at least a line that can be tried.
public struct Correction: Sendable, Equatable {
  /// What is replaced; empty where something is missing.
  public var span: Span
  public var replacement: String

  public init(replacing span: Span, with replacement: String) {
    self.span = span
    self.replacement = replacement
  }

  /// The same at the place just behind.
  public init(inserting text: String, behind span: Span) {
    self.init(replacing: span.after, with: text)
  }

  /// The line that it is about, corrected, without the blanks around it.
  public var line: String {
    let range = span.source.lineRange(span.line)
    let start = min(max(span.start, range.lowerBound), range.upperBound)
    let end = min(max(span.end, start), range.upperBound)
    let text =
      span.source.string(range.lowerBound..<start) + replacement
      + span.source.string(end..<range.upperBound)
    return text.trimmingBlanks
  }

  /// All of the text, corrected.
  public var text: String {
    let all = span.source.bytes.count
    return span.source.string(0..<span.start) + replacement + span.source.string(span.end..<all)
  }
}

extension String {
  fileprivate var trimmingBlanks: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

import Language
import Runtime
import Session

/// The command line as a text that diagnostics can point into.
struct CommandWords {
  private let source: Source
  private let words: [(text: String, span: Span)]

  init(_ words: [String]) {
    var text = "olv"
    var places: [Range<Int>] = []
    for word in words {
      text += " "
      let start = text.utf8.count
      text += Self.quoted(word)
      places.append(start..<text.utf8.count)
    }
    let source = Source(name: "command line", text: text)
    self.source = source
    self.words = zip(words, places).map { word, place in
      (word, Span(source: source, start: place.lowerBound, end: place.upperBound))
    }
  }

  /// As a shell takes it.
  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,+%@~[]".contains($0) }
    return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
  }

  /// Where a word stands, alone or behind a flag's `=`; the whole line where it does not.
  func span(of word: String?) -> Span {
    if let word, let found = words.first(where: { $0.text == word }) { return found.span }
    if let word, var span = words.first(where: { $0.text.hasSuffix("=\(word)") })?.span {
      if span.text.hasSuffix("=\(word)") { span.start = span.end - word.utf8.count }
      return span
    }
    return Span(source: source, start: 0, end: source.text.utf8.count)
  }

  /// What went wrong, at the word that is to blame for it.
  func diagnostic(_ error: any Error, blaming word: String? = nil) -> Diagnostic {
    let own = (error as? UsageFailure)?.word ?? (error as? UnreadableScript)?.path
    return Diagnostic(error, at: span(of: own ?? word))
  }
}

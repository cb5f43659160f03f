/// What a piece of a script is, for colouring it.
public enum Highlight: String, Sendable, CaseIterable {
  case comment, keyword, verb, key, label, string, number, variable, word, punctuation
}

/// A piece of a script's text.
public struct HighlightedText: Sendable, Equatable {
  /// Nil for blanks and what could not be read.
  public var kind: Highlight?
  public var text: String

  public init(_ kind: Highlight?, _ text: String) {
    self.kind = kind
    self.text = text
  }
}

extension Source {
  /// The text of some bytes in pieces, which joined are that text again.
  public func highlighted(_ range: Range<Int>? = nil) -> [HighlightedText] {
    let range = (range ?? 0..<bytes.count).clamped(to: 0..<bytes.count)
    var lexer = Lexer(self)
    lexer.run()
    var marks = lexer.comments.map { (range: $0, kind: Highlight?.some(.comment)) }
    let tokens = lexer.tokens
    for (index, token) in tokens.enumerated() where token.end > token.start {
      marks.append((token.start..<token.end, kind(of: index, in: tokens)))
    }
    marks.sort { $0.range.lowerBound < $1.range.lowerBound }
    var result: [HighlightedText] = []
    func add(_ kind: Highlight?, _ part: Range<Int>) {
      let part = part.clamped(to: range)
      guard !part.isEmpty else { return }
      if let last = result.last, last.kind == kind {
        result[result.count - 1].text += string(part)
      } else {
        result.append(HighlightedText(kind, string(part)))
      }
    }
    var place = range.lowerBound
    for mark in marks where mark.range.upperBound > place {
      add(nil, place..<max(place, mark.range.lowerBound))
      add(mark.kind, mark.range)
      place = max(place, mark.range.upperBound)
    }
    add(nil, place..<max(place, range.upperBound))
    return result
  }

  private func kind(of index: Int, in tokens: [Token]) -> Highlight? {
    let next = index + 1 < tokens.count ? tokens[index + 1] : nil
    switch tokens[index].kind {
    case .word(let text):
      if ["def", "each", "in"].contains(text) { return .keyword }
      if next?.kind == .equals { return next?.start == tokens[index].end ? .key : .variable }
      guard beginsStage(index, tokens) else { return .word }
      return text.hasSuffix(":") || next?.kind == .colon ? .label : .verb
    case .string: return next?.kind == .colon ? .label : .string
    case .number: return .number
    case .variable, .member: return .variable
    case .cell: return .comment
    case .question: return .verb
    case .newline, .end, .bad: return nil
    default: return .punctuation
    }
  }

  /// Whether a verb or a label may stand here.
  private func beginsStage(_ index: Int, _ tokens: [Token]) -> Bool {
    guard index > 0 else { return true }
    let before = tokens[index - 1]
    switch before.kind {
    case .newline, .semicolon, .pipe, .leftBrace, .colon, .cell: return true
    case .leftParenthesis: return index < 3 || tokens[index - 3].kind != .word("def")
    case .equals: return before.end != tokens[index].start
    case .word(let text):
      return text == "def" || text.hasSuffix(":") && beginsStage(index - 1, tokens)
    default: return false
    }
  }
}

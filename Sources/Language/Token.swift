/// A piece of source text with its meaning to the grammar.
struct Token {
  enum Kind: Equatable {
    case word(String)
    case number(Number)
    case string(Text)
    /// `$name`
    case variable(String)
    /// `.name` that touches the value before it.
    case member(String)
    case equals, colon, comma, pipe, semicolon, question
    /// `[` that begins a list.
    case leftBracket
    /// `[` that touches the value before it.
    case sliceBracket
    case rightBracket, leftParenthesis, rightParenthesis, leftBrace, rightBrace
    case newline
    /// `# %% title`, and the text of a markdown cell.
    case cell(title: String, markdown: String?)
    /// Characters that an error has been reported for.
    case bad
    case end
  }

  var kind: Kind
  var start: Int
  var end: Int

  /// Whether a value may end with this token, so that `[` or `.` touching it is a suffix.
  var endsValue: Bool {
    switch kind {
    case .word, .number, .string, .variable, .member, .rightBracket, .rightParenthesis: true
    default: false
    }
  }
}

extension Parser {
  // value = atom {suffix} ;
  mutating func value() throws(Panic) -> Value {
    let first = current
    let atom = try atom()
    let suffixes = try suffixes()
    if touchesPrevious {
      switch kind {
      case .word, .number, .string, .variable, .leftParenthesis, .leftBracket:
        throw touching()
      default: break
      }
    }
    return Value(atom, suffixes: suffixes, span: span(from: first))
  }

  // atom = NUMBER | STRING | WORD | "$" NAME | list | "(" pipe ")" ;
  private mutating func atom() throws(Panic) -> Atom {
    let token = current
    switch token.kind {
    case .number(let number):
      advance()
      return .number(number)
    case .string(let text):
      advance()
      return .string(text)
    case .word(let text):
      if reservedWords.contains(text) { throw reserved() }
      advance()
      return .word(Name(text, span: span(token)))
    case .variable(let text):
      advance()
      return .variable(Name(text, span: span(token)))
    case .leftBracket: return .list(try list())
    case .leftParenthesis:
      let open = advance()
      return try nested(in: open, newlinesAreBlanks: true) { parser throws(Panic) in
        .pipe(try parser.group(open))
      }
    case .comma: throw unexpected(expected: "a value", help: "values are parted by blanks: `[a b]`")
    default:
      throw unexpected(
        expected: "a value", help: "a word, a number, \"text\", `$name`, `[a b]` or `(verb …)`")
    }
  }

  // "(" pipe ")"
  private mutating func group(_ open: Token) throws(Panic) -> Pipe {
    skipNewlines()
    let pipe = try pipe()
    skipNewlines()
    guard kind == .rightParenthesis else {
      throw unexpected(expected: "`)`", opened: open)
    }
    advance()
    return pipe
  }

  // list = "[" {value} "]" ;
  private mutating func list() throws(Panic) -> [Value] {
    let open = advance()
    return try nested(in: open, newlinesAreBlanks: true) { parser throws(Panic) in
      var values: [Value] = []
      var hasComma = false
      while true {
        parser.skipNewlines()
        switch parser.kind {
        case .rightBracket:
          parser.advance()
          return values
        case .comma:
          if !hasComma {
            parser.report(
              "syntax.list", "the values of a list are parted by blanks",
              at: parser.span(parser.current), help: "`[a b c]`, without commas")
          }
          hasComma = true
          parser.advance()
        case .word, .number, .string, .variable, .leftBracket, .leftParenthesis:
          values.append(try parser.value())
        default: throw parser.unexpected(expected: "a value or `]`", opened: open)
        }
      }
    }
  }

  // suffix = "." NAME | "[" slice "]" ;
  mutating func suffixes() throws(Panic) -> [Suffix] {
    var result: [Suffix] = []
    while true {
      let token = current
      switch token.kind {
      case .member(let text):
        advance()
        let name = Span(source: source, start: token.start + 1, end: token.end)
        result.append(Suffix(.member(Name(text, span: name)), span: span(token)))
      case .sliceBracket:
        advance()
        let kind = try slice()
        guard self.kind == .rightBracket else {
          throw unexpected(
            expected: "`]`",
            help:
              "a slice is `[2:5]`, `[:5]`, `[2:]`, `[2]` or `[name]`; a list has a blank before it")
        }
        advance()
        result.append(Suffix(kind, span: span(from: token)))
      default: return result
      }
    }
  }

  // slice = [N] ":" [N] | N | NAME ;
  private mutating func slice() throws(Panic) -> Suffix.Kind {
    let first = current
    switch first.kind {
    case .word(let text) where next.kind == .rightBracket:
      advance()
      return .key(Name(text, span: span(first)))
    case .string(let text):
      guard let literal = text.literal else {
        throw fail(
          "syntax.slice", "a slice does not interpolate", at: span(first),
          help: "write the label itself")
      }
      advance()
      return .key(Name(literal, span: span(first)))
    case .number, .colon:
      let lower = try bound()
      guard kind == .colon else {
        if let lower { return .index(lower) }
        throw unexpected(expected: "`:`")
      }
      advance()
      let upper = try bound()
      if let lower, let upper, lower > upper {
        throw fail(
          "syntax.slice", "the slice ends before it begins", at: span(from: first),
          help: "`[\(upper):\(lower)]`")
      }
      return .range(lower: lower, upper: upper)
    default:
      throw unexpected(
        expected: "a slice",
        help: "a slice is `[2:5]`, `[:5]`, `[2:]`, `[2]` or `[name]`; a list has a blank before it")
    }
  }

  private mutating func bound() throws(Panic) -> Int? {
    guard case .number(let number) = kind else { return nil }
    guard number.unit == .none, let bound = number.integer, bound >= 0 else {
      throw fail(
        "syntax.slice", "a slice counts whole numbers from 0, and `\(number.text.brief)` is none",
        at: span(current), help: "for example `[:5]`, the first five")
    }
    advance()
    return bound
  }
}

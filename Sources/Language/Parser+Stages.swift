extension Parser {
  // pipe = stage {"|" stage} ;
  // A line that starts with "|" continues the one before.
  mutating func pipe() throws(Panic) -> Pipe {
    let first = current
    var stages = [try stage()]
    while true {
      skipToContinuation()
      guard kind == .pipe else { break }
      advance()
      skipNewlines()
      stages.append(try stage())
    }
    return Pipe(stages: stages, span: span(from: first))
  }

  // stage = call | ref | block | each ;
  private mutating func stage() throws(Panic) -> Stage {
    switch kind {
    case .variable: return .reference(try reference())
    case .leftBrace: return .block(try block())
    case .word("each"): return .each(try each())
    case .word("def"):
      throw unexpected(expected: "a verb", help: "`def` begins a statement of its own")
    case .word, .question: return .call(try call())
    case .pipe:
      let isFirst = tokens[..<index].allSatisfy { $0.kind == .newline }
      throw unexpected(
        expected: "a verb",
        help: isFirst
          ? "there is no line above that `|` could continue; at a prompt, end a line with `|` to go on"
          : "a verb stands on both sides of `|`")
    case .leftParenthesis:
      throw unexpected(
        expected: "a verb", help: "parentheses make a value; several steps stand in `{ … }`")
    case .string(let text) where next.kind != .newline && next.kind != .end:
      throw unexpected(
        expected: "a verb",
        help: "a label has a colon: `\"\((text.literal ?? "$…").brief)\": …`")
    case .string, .number, .leftBracket:
      throw unexpected(expected: "a verb", help: "`name = …` keeps a value")
    default:
      let isPiped = index > 0 && tokens[..<index].last { $0.kind != .newline }?.kind == .pipe
      throw unexpected(
        expected: "a verb", mayContinue: true,
        help: isPiped ? "a verb stands on both sides of `|`" : nil)
    }
  }

  // ref = "$" NAME {suffix} ;
  private mutating func reference() throws(Panic) -> Reference {
    let first = advance()
    guard case .variable(let text) = first.kind else { throw unexpected(expected: "`$name`") }
    let suffixes = try suffixes()
    let reference = Reference(
      name: Name(text, span: span(first)), suffixes: suffixes, span: span(from: first))
    if !isAtStageEnd {
      if touchesPrevious { throw touching() }
      throw unexpected(
        expected: "`|` or the end of the statement", help: "`$\(text.brief)` takes no parameters")
    }
    return reference
  }

  // each = "each" "$" NAME "in" value block ;
  private mutating func each() throws(Panic) -> Each {
    let first = advance()
    let variable: Name
    switch kind {
    case .variable(let text): variable = Name(text, span: span(advance()))
    case .word(let text) where text != "in":
      report(
        "syntax.each", "`each` names its variable with `$`", at: span(current),
        help: "each $\(text.brief) in …")
      variable = Name(text, span: span(advance()))
    default: throw unexpected(expected: "the variable", help: "each $name in [a b] { … }")
    }
    guard kind == .word("in") else {
      throw unexpected(expected: "`in`", help: "each $\(variable.text.brief) in [a b] { … }")
    }
    advance()
    let over = try value()
    let body = try bodyBlock()
    return Each(variable: variable, over: over, body: body, span: span(from: first))
  }

  // call = VERB {value | KEY "=" value} [block] ;
  // "? verb" and "verb ?" stand for "help verb".
  private mutating func call() throws(Panic) -> Call {
    let first = advance()
    var verb = Name("help", span: span(first))
    if case .word(let text) = first.kind {
      verb.text = text
      try check(verb: verb)
    }
    var arguments: [Argument] = []
    while true {
      skipBlankNewlines()
      if isAtStageEnd { break }
      if kind == .question, first.kind != .question {
        advance()
        let topic = Argument(
          value: Value(.word(verb), span: verb.span), span: verb.span)
        verb = Name("help", span: span(from: first))
        arguments.insert(topic, at: 0)
        if !isAtStageEnd { throw unexpected(expected: "the end of the statement") }
        break
      }
      if kind == .leftBrace, first.kind != .question {
        let body = try block()
        guard isAtStageEnd else {
          throw unexpected(expected: "`|` or the end of the statement")
        }
        return Call(verb: verb, arguments: arguments, body: body, span: span(from: first))
      }
      arguments.append(try argument(of: verb))
    }
    return Call(verb: verb, arguments: arguments, span: span(from: first))
  }

  private mutating func check(verb: Name) throws(Panic) {
    let text = verb.text
    if reservedWords.contains(text) {
      throw fail(
        "syntax.reserved", "`\(text.brief)` is reserved and cannot be a verb", at: verb.span)
    }
    if text.hasSuffix(":"), text.count > 1 {
      throw fail(
        "syntax.label", "the label `\(text.brief)` stands outside of a block", at: verb.span,
        help: "labels stand inside a block: `{ \(text.brief) … }`")
    }
    if let colon = text.firstIndex(of: ":"), text[..<colon].isName {
      let parts = (text[..<colon], text[text.index(after: colon)...])
      throw fail(
        "syntax.verb", "`\(text.brief)` is no verb", at: verb.span,
        help: "a space follows the colon of a label: `\(parts.0.brief): \(parts.1.brief)`")
    }
    guard text.isName else {
      throw fail(
        "syntax.verb", "`\(text.brief)` is no verb", at: verb.span,
        help: "a statement begins with a verb, `$variable`, `each` or `{`")
    }
    switch kind {
    case .sliceBracket:
      throw fail(
        "syntax.verb", "`\(text.brief)[…]` is a value, not a verb", at: verb.span,
        help: "a statement begins with a verb, `$variable`, `each` or `{`")
    case .leftParenthesis where touchesPrevious:
      throw fail(
        "syntax.call", "a verb is called without parentheses", at: span(current),
        help: "`\(text.brief) value key=value`")
    case .equals where touchesPrevious:
      throw fail(
        "syntax.spacing", "`\(text.brief)=…` is a parameter, and no verb stands before it",
        at: verb.span, help: "a binding has spaces: `\(text.brief) = …`")
    default: break
    }
  }

  private mutating func argument(of verb: Name) throws(Panic) -> Argument {
    let first = current
    switch first.kind {
    case .word(let text) where next.kind == .equals:
      advance()
      let key = Name(text, span: span(first))
      guard text.isName else {
        let bare = String(text.drop { $0 == "-" })
        throw fail(
          "syntax.parameter", "`\(text.brief)` cannot name a parameter", at: span(first),
          help: bare.isName ? "`\(bare.brief)=…`, without dashes" : nil)
      }
      let equals = advance()
      switch kind {
      case .newline, .end, .semicolon, .pipe, .rightBrace, .rightParenthesis:
        throw unexpected(
          expected: "the value of `\(text.brief)`", help: "`\(text.brief)=…`, without a blank")
      default: break
      }
      if first.end != equals.start || equals.end != current.start {
        report(
          "syntax.spacing", "a parameter has no spaces around its `=`", at: span(equals),
          help: "`\(text.brief)=…`")
      }
      let value = try value()
      return Argument(key: key, value: value, span: span(from: first))
    case .leftBrace:
      throw unexpected(
        expected: "a parameter, `|` or the end of the statement",
        help: "a block is a stage of its own: `\(verb.text.brief) … | { … }`")
    case .word("def"), .word("each"), .word("in"):
      throw reserved()
    default:
      if touchesPrevious, tokens[index - 1].kind != .question { throw touching() }
      let value = try value()
      return Argument(value: value, span: value.span)
    }
  }

  /// Whether nothing more can belong to the current stage.
  private var isAtStageEnd: Bool {
    switch kind {
    case .pipe, .semicolon, .newline, .rightBrace, .rightParenthesis, .end, .cell: true
    default: false
    }
  }

  mutating func reserved() -> Panic {
    let text = source.string(current.start..<current.end)
    return fail(
      "syntax.reserved", "`\(text.brief)` is reserved", at: span(current),
      help: "put it in quotes to use it as a word, or after `;` to begin a statement")
  }

  /// The error of two values without a blank between them.
  mutating func touching() -> Panic {
    if kind == .bad { return Panic() }
    let isInterpolation = [kind, tokens[index - 1].kind].contains {
      if case .variable = $0 { true } else { false }
    }
    return fail(
      "syntax.spacing",
      "a blank is missing before `\(source.string(current.start..<current.end).brief)`",
      at: span(current),
      help: isInterpolation
        ? "words do not interpolate; quoted strings do: \"$name/…\""
        : kind == .comma
          ? "values are parted by blanks: `a b`" : "text with such characters stands in quotes")
  }
}

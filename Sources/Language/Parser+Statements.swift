extension Parser {
  // script = {[stmt] (NL | ";")} ;
  mutating func script() -> Script {
    var statements: [Statement] = []
    var cells: [Cell] = []
    var hasFailed = false
    func closeCell() {
      guard let last = cells.indices.last else { return }
      cells[last].statements = cells[last].statements.lowerBound..<statements.count
    }
    reading: while true {
      let token = current
      switch token.kind {
      case .newline, .semicolon: advance()
      case .end: break reading
      case .cell(let title, let markdown):
        closeCell()
        let count = statements.count
        cells.append(
          Cell(
            title: title, kind: markdown.map { .markdown($0) } ?? .code, statements: count..<count,
            span: span(token)))
        advance()
      case .rightBrace:
        // After an error it most likely closes the block that could not be read.
        if !hasFailed {
          report(
            "syntax.unopened", "`}` closes no block", at: span(token),
            help: "remove it, or open the block with `{`")
        }
        advance()
      default:
        do throws(Panic) {
          let statement = try statement()
          try endOfStatement()
          statements.append(statement)
        } catch {
          hasFailed = true
          recover()
        }
      }
    }
    closeCell()
    return Script(
      statements: statements, cells: cells,
      span: Span(source: source, start: 0, end: source.bytes.count))
  }

  /// Checks that the statement is over.
  private mutating func endOfStatement() throws(Panic) {
    switch kind {
    case .newline, .semicolon, .rightBrace, .end, .cell: return
    case .word(let text) where reservedWords.contains(text):
      throw unexpected(
        expected: "the end of the statement",
        help: "put `\(text.brief)` on its own line, or after `;`")
    case .colon:
      throw unexpected(
        expected: "the end of the statement", help: "labels stand inside a block: `{ name: … }`")
    default: throw unexpected(expected: "`|` or the end of the statement")
    }
  }

  // stmt = def | bind | pipe ;
  mutating func statement() throws(Panic) -> Statement {
    switch kind {
    case .word("def"): return .definition(try definition())
    case .word where next.kind == .equals, .variable where next.kind == .equals:
      return .binding(try binding())
    default: return .pipe(try pipe())
    }
  }

  // bind = NAME "=" (pipe | NUMBER | STRING | list) ;
  // A word with a slice, a word that cannot be a verb, and parentheses are values too.
  private mutating func binding() throws(Panic) -> Binding {
    let first = advance()
    let equals = advance()
    let name: Name
    switch first.kind {
    case .variable(let text):
      report(
        "syntax.binding", "a binding names its variable without `$`", at: span(first),
        help: "`\(text.brief) = …` binds, `$\(text.brief)` reads")
      name = Name(text, span: span(first))
    case .word(let text):
      name = Name(text, span: span(first))
      try check(name, isA: "variable")
    default: throw unexpected(expected: "a name")
    }
    let isAtEnd = kind == .newline || kind == .end
    if first.end == equals.start || equals.end == current.start && !isAtEnd {
      report(
        "syntax.spacing", "a binding has spaces around its `=`", at: span(equals),
        help:
          "`\(name.text.brief) = …` binds a variable, `verb \(name.text.brief)=…` sets a parameter")
    }
    let right: Binding.Right
    switch kind {
    case .number, .string, .leftBracket, .leftParenthesis: right = .value(try value())
    case .word(let text) where next.kind == .sliceBracket || !text.isName && !text.hasSuffix(":"):
      right = .value(try value())
    case .newline, .end, .semicolon, .rightBrace:
      throw unexpected(
        expected: "what `\(name.text.brief)` is to be",
        help: "`\(name.text.brief) = 4`, or a verb: `\(name.text.brief) = load phi`")
    default: right = .pipe(try pipe())
    }
    if case .value = right {
      skipToContinuation()
      if kind == .pipe {
        throw unexpected(
          expected: "the end of the statement", help: "a plain value cannot be piped; bind it first"
        )
      }
    }
    return Binding(name: name, right: right, span: span(from: first))
  }

  // def = "def" NAME "(" [param {"," param}] ")" block ;
  private mutating func definition() throws(Panic) -> Definition {
    let documentation = documentation[index]
    let first = advance()
    guard case .word(let text) = kind else {
      throw unexpected(
        expected: "the verb's name", help: "def name(parameter = default) { … }")
    }
    let name = Name(text, span: span(advance()))
    try check(name, isA: "verb")
    guard kind == .leftParenthesis else {
      throw unexpected(expected: "`(`", help: "def \(text.brief)(parameter = default) { … }")
    }
    let open = advance()
    let parameters = try nested(in: open, newlinesAreBlanks: true) { parser throws(Panic) in
      try parser.parameters(open)
    }
    let body = try bodyBlock()
    return Definition(
      documentation: documentation, name: name, parameters: parameters, body: body,
      span: span(from: first))
  }

  private mutating func parameters(_ open: Token) throws(Panic) -> [Parameter] {
    var result: [Parameter] = []
    var names: Set<String> = []
    skipNewlines()
    while kind != .rightParenthesis {
      let parameter = try parameter(open)
      if !names.insert(parameter.name.text).inserted {
        report(
          "syntax.parameter", "there are two parameters `\(parameter.name.text.brief)`",
          at: parameter.name.span, help: "give one another name")
      }
      result.append(parameter)
      skipNewlines()
      guard kind == .comma else { break }
      advance()
      skipNewlines()
    }
    guard kind == .rightParenthesis else {
      throw unexpected(
        expected: "`,` or `)`", opened: open, help: "parameters are parted by `,`")
    }
    advance()
    return result
  }

  // param = NAME [":" TYPE] ["=" value] ;
  private mutating func parameter(_ open: Token) throws(Panic) -> Parameter {
    let first = current
    var name: Name
    var type: Name?
    switch first.kind {
    case .variable(let text):
      report(
        "syntax.parameter", "a parameter is declared without `$`", at: span(first),
        help: "`\(text.brief)` declares it, `$\(text.brief)` reads it")
      name = Name(text, span: span(first))
      advance()
    case .word(let text):
      // Words hold colons, so `name:` and `name:type` are one token.
      advance()
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let end = first.start + parts[0].utf8.count
      name = Name(String(parts[0]), span: Span(source: source, start: first.start, end: end))
      if parts.count == 2, !parts[1].isEmpty {
        type = Name(
          String(parts[1]), span: Span(source: source, start: end + 1, end: first.end))
      } else if parts.count == 2 {
        type = try typeName()
      }
    default:
      throw unexpected(
        expected: "a parameter's name or `)`", opened: open, help: "(name, other = 4)")
    }
    try check(name, isA: "parameter")
    if type == nil, kind == .colon {
      advance()
      type = try typeName()
    }
    if let type { try check(type, isA: "type") }
    var defaultValue: Value?
    skipNewlines()
    if kind == .equals {
      advance()
      skipNewlines()
      defaultValue = try value()
    }
    return Parameter(name: name, type: type, defaultValue: defaultValue, span: span(from: first))
  }

  private mutating func typeName() throws(Panic) -> Name {
    guard case .word(let text) = kind else {
      throw unexpected(
        expected: "the parameter's type", help: "for example `data: dataset`")
    }
    return Name(text, span: span(advance()))
  }

  /// Checks that a word may name something.
  mutating func check(_ name: Name, isA role: String) throws(Panic) {
    if reservedWords.contains(name.text) {
      throw fail(
        "syntax.reserved", "`\(name.text.brief)` is reserved and cannot name a \(role)",
        at: name.span, help: "choose another name")
    }
    guard name.text.isName else {
      throw fail(
        "syntax.name", "`\(name.text.brief)` cannot name a \(role)", at: name.span,
        help: "a name has letters, digits, `_` and inner `-`, and begins with a letter or `_`")
    }
  }

  // MARK: Blocks

  /// The block of a `def` or `each`, which may begin on the next line.
  mutating func bodyBlock() throws(Panic) -> Block {
    var ahead = index
    while tokens[ahead].kind == .newline { ahead += 1 }
    guard tokens[ahead].kind == .leftBrace else {
      if tokens[ahead].kind == .end { skipNewlines() }
      throw unexpected(
        expected: "`{`", mayContinue: true, help: "its steps stand in a block: `{ …; … }`")
    }
    skipNewlines()
    return try block()
  }

  // block = "{" {[LABEL ":"] pipe | stmt} "}" ;
  // Either every item has a label or none has.
  mutating func block() throws(Panic) -> Block {
    let open = advance()
    return try nested(in: open, newlinesAreBlanks: false) { parser throws(Panic) in
      let contents = try parser.blockContents(open)
      return Block(contents, span: parser.span(from: open))
    }
  }

  private mutating func blockContents(_ open: Token) throws(Panic) -> Block.Contents {
    var statements: [Statement] = []
    var arms: [Arm] = []
    var labels: Set<String> = []
    while true {
      switch kind {
      case .newline, .semicolon, .cell: advance()
      case .rightBrace:
        advance()
        return arms.isEmpty ? .statements(statements) : .arms(arms)
      case .end: throw unexpected(expected: "`}`", opened: open)
      default:
        do throws(Panic) {
          let first = current
          if let label = label() {
            let pipe = try armPipe(label)
            let arm = Arm(label: label, pipe: pipe, span: span(from: first))
            try endOfStatement()
            if !statements.isEmpty, arms.isEmpty {
              report(
                "syntax.label", "this arm stands among statements without a label",
                at: label.span, help: "give every item of the block a label, or none")
            }
            if let text = label.literal, !labels.insert(text).inserted {
              report(
                "syntax.label", "there are two arms `\(text.brief)`", at: label.span,
                help: "labels name the rows of the table: give one another")
            }
            arms.append(arm)
          } else {
            let statement = try statement()
            try endOfStatement()
            if !arms.isEmpty, statements.isEmpty {
              report(
                "syntax.label", "this item of the block has no label", at: statement.span,
                help: "give every item of the block a label, or none; several steps of one arm "
                  + "stand in a block of their own: `name: { …; … }`")
            }
            statements.append(statement)
          }
        } catch {
          recover()
        }
      }
    }
  }

  private mutating func armPipe(_ label: Text) throws(Panic) -> Pipe {
    skipNewlines()
    switch kind {
    case .semicolon, .rightBrace, .end:
      throw unexpected(
        expected: "what the arm `\((label.literal ?? label.span.text).brief)` runs",
        help: "`label: ppl`, or several steps: `label: { …; … }`")
    default: return try pipe()
    }
  }

  // LABEL = WORD | STRING ;
  private mutating func label() -> Text? {
    let first = current
    switch first.kind {
    case .word(let text) where text.hasSuffix(":"):
      // Words hold colons: the last one is the label's.
      advance()
      let span = Span(source: source, start: first.start, end: first.end - 1)
      return Text(String(text.dropLast()), span: span)
    case .word(let text) where next.kind == .colon:
      advance()
      advance()
      return Text(text, span: span(first))
    case .number(let number) where next.kind == .colon:
      advance()
      advance()
      return Text(number.text, span: span(first))
    case .string(let text) where next.kind == .colon:
      advance()
      advance()
      return text
    case .variable(let text) where next.kind == .colon:
      report(
        "syntax.label", "a label that holds a variable stands in quotes", at: span(first),
        help: "\"$\(text.brief)\": …")
      advance()
      advance()
      return Text(segments: [.variable(Name(text, span: span(first)))], span: span(first))
    default: return nil
    }
  }
}

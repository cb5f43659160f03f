/// Lays a script out canonically: two blanks a level, one between words, arms of a block aligned behind their labels, a
/// pipe that is broken begins its lines with `|`. Line breaks, single blank lines and comments stay where they are.
///
/// Guarantee: the result parses to an equal tree with the same comments, and formats to itself.
/// - Throws: `DiagnosticSet` for a source that has syntax errors.
public func format(_ source: Source) throws -> String {
  _ = try parse(source).get()
  var lexer = Lexer(source)
  lexer.run()
  var formatter = Formatter(lexer)
  formatter.run()
  return formatter.text
}

/// Works on tokens and comments, not on the tree, so that nothing a person wrote can get lost.
struct Formatter {
  enum Item {
    case token(Token)
    case comment(String)
  }

  /// An open bracket.
  private struct Bracket {
    enum Kind { case block, parameters, list, group, slice }
    var kind: Kind
    /// The level of the line that opened it, and of the lines in it.
    var outer: Int
    var inner: Int { outer + 1 }
    var id: Int
  }

  private let source: Source
  private let lexer: Lexer
  private let items: [Item]
  private var index = 0

  private var lines = FormattedLines()
  private var brackets: [Bracket] = []
  private var bracketCount = 0
  /// The last token on the current line, and overall.
  private var before: Token?
  private var last: Token?
  private var newlines = 0
  /// Whether nothing stands behind the last opening bracket yet.
  private var isFresh = false
  /// Whether a comment ended the line, so that nothing may be joined to it.
  private var isCommented = false
  /// A `|` that stood at the end of a line and moves to the next.
  private var hasPipe = false
  private var hasSemicolon = false
  private var beginsStatement = true
  /// A label stands without its arm.
  private var awaitsArm = false
  /// Behind a markdown cell's text a comment at the line's start would belong to it.
  private var followsMarkdown = false
  /// For every `def` and `each` whose block is still to come: how many brackets are open around it.
  private var bodies: [Int] = []

  init(_ lexer: Lexer) {
    self.lexer = lexer
    source = lexer.source
    var comments = lexer.comments[...]
    var items: [Item] = []
    for token in lexer.tokens {
      while let first = comments.first, first.lowerBound < token.start || token.kind == .end {
        items.append(.comment(lexer.source.string(first)))
        comments = comments.dropFirst()
      }
      items.append(.token(token))
    }
    self.items = items
  }

  var text: String { lines.text }

  mutating func run() {
    while index < items.count {
      let item = items[index]
      index += 1
      switch item {
      case .comment(let text): add(comment: text)
      case .token(let token):
        switch token.kind {
        case .newline:
          newlines += 1
          if brackets.last.map({ $0.kind == .block }) ?? true { beginsStatement = true }
        case .end: break
        case .semicolon:
          beginsStatement = true
          hasSemicolon = newlines == 0 && before != nil
        case .cell: add(cell: token)
        case .pipe where newlines > 0 || isAtLineEnd: hasPipe = true
        default: add(token)
        }
      }
    }
  }

  private var level: Int { brackets.last?.inner ?? 0 }

  /// The next token that is no line end.
  private var next: Token.Kind? {
    for case .token(let token) in items[index...] where token.kind != .newline { return token.kind }
    return nil
  }

  /// Whether the next thing is a line end or a comment.
  private var isAtLineEnd: Bool {
    guard index < items.count, case .token(let token) = items[index] else { return true }
    return token.kind == .newline
  }

  // MARK: Comments and cells

  private mutating func add(comment: String) {
    isCommented = true
    hasSemicolon = false
    if newlines == 0, !lines.isEmpty, before != nil {
      lines.append("  " + comment)
      return
    }
    var level = level
    if next == .pipe || hasPipe || awaitsArm { level += 1 }
    startLine(level, isFirst: isFresh)
    isFresh = false
    let mustStandApart = level == 0 && lexer.wouldMarkCell(comment)
    let wouldBeText = level == 0 && followsMarkdown && (comment == "#" || comment.hasPrefix("# "))
    lines.append((mustStandApart || wouldBeText ? " " : "") + comment)
    followsMarkdown = false
    before = nil
  }

  private mutating func add(cell token: Token) {
    lines.start(level: 0, isApart: true)
    lines.append(CellText(source.string(token.start..<token.end)).canonical)
    if case .cell(_, let markdown) = token.kind { followsMarkdown = markdown != nil }
    newlines = followsMarkdown ? 1 : 0
    beginsStatement = true
    hasSemicolon = false
    isFresh = false
    before = nil
    last = token
  }

  // MARK: Tokens

  private mutating func add(_ token: Token) {
    let isBody = token.kind == .leftBrace && bodies.last == brackets.count
    let joins = !isCommented && (isBody || token.kind == .comma)
    if hasPipe {
      startLine(level + 1, isFirst: true)
      lines.append("|")
      before = Token(kind: .pipe, start: 0, end: 0)
      hasPipe = false
    } else if (newlines > 0 || lines.isEmpty || isCommented) && !joins {
      let isCloser = closes(token)
      startLine(
        isCloser ? brackets.last?.outer ?? 0 : level + (awaitsArm ? 1 : 0),
        isFirst: isCloser || isFresh)
    } else if hasSemicolon, token.kind != .rightBrace,
      before.map({ $0.kind != .leftBrace }) ?? false
    {
      lines.append("; ")
      before = nil
    }
    newlines = 0
    isCommented = false
    hasSemicolon = false
    followsMarkdown = false
    if let before, needsBlank(before, token) { lines.append(" ") }
    write(token)
    isFresh = opens(token)
    before = token
    last = token
  }

  private mutating func startLine(_ level: Int, isFirst: Bool) {
    lines.start(level: level, isApart: newlines > 1 && !isFirst)
    newlines = 0
    before = nil
  }

  private mutating func write(_ token: Token) {
    var text = source.string(token.start..<token.end)
    let isStart = beginsStatement
    let kind = brackets.last?.kind
    beginsStatement = false
    awaitsArm = false
    switch token.kind {
    case .leftBrace:
      if bodies.last == brackets.count { bodies.removeLast() }
      open(.block)
      beginsStatement = true
    case .leftParenthesis: open(isDefinition(token) ? .parameters : .group)
    case .leftBracket: open(.list)
    case .sliceBracket: open(.slice)
    case .rightBrace, .rightParenthesis, .rightBracket: _ = brackets.popLast()
    case .word(let word) where kind == .parameters:
      let follows = last.map { $0.kind == .comma || $0.kind == .leftParenthesis } ?? false
      if follows, let colon = word.firstIndex(of: ":"), word.index(after: colon) != word.endIndex {
        text = "\(word[...colon]) \(word[word.index(after: colon)...])"
      }
    case .word("def"), .word("each"):
      if kind != .slice, next != .colon { bodies.append(brackets.count) }
    default: break
    }
    if isStart { lines.markStatement() }
    lines.append(text)
    if kind == .block, isStart || token.kind == .colon, isLabel(token, isStart: isStart) {
      awaitsArm = true
      if let id = brackets.last?.id { lines.markLabel(block: id) }
    }
  }

  /// Whether the token ends a label: `base:`, or the colon behind a quoted one.
  private func isLabel(_ token: Token, isStart: Bool) -> Bool {
    switch token.kind {
    case .word(let word): return isStart && word.hasSuffix(":") && word.count > 1
    case .colon: return true
    default: return false
    }
  }

  private mutating func open(_ kind: Bracket.Kind) {
    bracketCount += 1
    brackets.append(Bracket(kind: kind, outer: lines.level, id: bracketCount))
  }

  /// Whether a `(` follows the name of a `def`.
  private func isDefinition(_ token: Token) -> Bool {
    guard let last, case .word = last.kind, let place = lexer.tokens.firstIndex(ending: last.end)
    else { return false }
    return place > 0 && lexer.tokens[place - 1].kind == .word("def")
      && bodies.last == brackets.count
  }

  private func opens(_ token: Token) -> Bool {
    switch token.kind {
    case .leftBrace, .leftParenthesis, .leftBracket, .sliceBracket: true
    default: false
    }
  }

  private func closes(_ token: Token) -> Bool {
    switch token.kind {
    case .rightBrace, .rightParenthesis, .rightBracket: true
    default: false
    }
  }

  private func needsBlank(_ before: Token, _ token: Token) -> Bool {
    let kind = brackets.last?.kind
    if kind == .slice { return false }
    switch before.kind {
    case .leftParenthesis, .leftBracket, .sliceBracket: return false
    case .equals where kind != .parameters && before.end == token.start: return false
    default: break
    }
    switch token.kind {
    case .rightParenthesis, .rightBracket, .comma, .colon, .member, .sliceBracket: return false
    case .rightBrace: return before.kind != .leftBrace
    case .equals: return kind == .parameters || before.end != token.start
    case .leftParenthesis: return !isDefinition(token)
    default: return true
    }
  }
}

extension [Token] {
  /// The token that ends at a byte; tokens are in order.
  fileprivate func firstIndex(ending end: Int) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].end < end { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low].end == end ? low : nil
  }
}

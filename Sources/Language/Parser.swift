/// Parses a whole source. Never fails and never hangs: whatever is wrong is in the result's diagnostics.
public func parse(_ source: Source) -> ParseResult {
  var lexer = Lexer(source)
  lexer.run()
  var parser = Parser(lexer)
  let script = parser.script()
  var found = lexer.diagnostics + parser.diagnostics
  let isIncomplete = parser.isIncomplete && !parser.isHalted && found.count == 1
  // What was still to come stood in the string.
  if parser.isIncomplete, lexer.endsInString { found.removeLast() }
  let sorted = found.enumerated().sorted { left, right in
    let (first, second) = (left.element.span?.start ?? 0, right.element.span?.start ?? 0)
    return first == second ? left.offset < right.offset : first < second
  }
  return ParseResult(
    script: script, diagnostics: sorted.prefix(Parser.maximumDiagnostics).map(\.element),
    isIncomplete: isIncomplete)
}

/// Thrown where a statement cannot be read on; the diagnostic has been recorded.
struct Panic: Error {}

/// A recursive-descent parser: one function per production, which stands above it.
///
/// An error ends its statement; parsing goes on after it, so that one run reports them all.
struct Parser {
  /// How deep blocks, lists and parentheses may nest: scripts come from strangers.
  static let maximumDepth = 200
  static let maximumDiagnostics = 100

  let source: Source
  let tokens: [Token]
  let documentation: [Int: String]
  private(set) var index = 0
  private(set) var diagnostics: [Diagnostic] = []
  /// Whether an error says that the text ends where it could go on.
  private(set) var isIncomplete = false
  private var depth = 0
  /// Inside parentheses a line end is a blank.
  private var newlinesAreBlanks = false
  private(set) var isHalted = false

  init(_ lexer: Lexer) {
    source = lexer.source
    tokens = lexer.tokens
    documentation = lexer.documentation
  }

  // MARK: Tokens

  var current: Token { tokens[index] }
  var next: Token { tokens[min(index + 1, tokens.count - 1)] }
  var kind: Token.Kind { tokens[index].kind }

  /// Whether the current token stands against the one before it.
  var touchesPrevious: Bool {
    index > 0 && tokens[index - 1].end == current.start && tokens[index - 1].kind != .newline
  }

  @discardableResult
  mutating func advance() -> Token {
    let token = tokens[index]
    if index < tokens.count - 1 { index += 1 }
    return token
  }

  mutating func skipNewlines() {
    while kind == .newline { advance() }
  }

  /// Skips line ends where they mean nothing: inside parentheses.
  mutating func skipBlankNewlines() {
    if newlinesAreBlanks { skipNewlines() }
  }

  /// Goes over line ends to a `|` that continues the pipe, or nowhere.
  mutating func skipToContinuation() {
    var ahead = index
    while tokens[ahead].kind == .newline { ahead += 1 }
    if tokens[ahead].kind == .pipe { index = ahead }
  }

  func span(_ token: Token) -> Span {
    Span(source: source, start: token.start, end: token.end)
  }

  /// From a token to the last one consumed.
  func span(from first: Token) -> Span {
    Span(source: source, start: first.start, end: index > 0 ? tokens[index - 1].end : first.end)
  }

  /// From a node's start to the last token consumed.
  func span(from first: Span) -> Span {
    Span(source: source, start: first.start, end: index > 0 ? tokens[index - 1].end : first.end)
  }

  // MARK: Errors

  mutating func report(
    _ code: String, _ message: String, at span: Span, label: String? = nil, help: String? = nil,
    notes: [String] = []
  ) {
    guard !isHalted, diagnostics.count < Self.maximumDiagnostics else { return }
    diagnostics.append(
      Diagnostic(code: code, message, at: span, label: label, help: help, notes: notes))
  }

  mutating func fail(
    _ code: String, _ message: String, at span: Span, label: String? = nil, help: String? = nil
  ) -> Panic {
    report(code, message, at: span, label: label, help: help)
    return Panic()
  }

  /// The error of a token that does not fit.
  ///
  /// - Parameters:
  ///   - expected: What would fit, as in "a verb".
  ///   - opened: The bracket that is still open, where it is what matters.
  ///   - mayContinue: Whether more lines would help if the text ends here.
  mutating func unexpected(
    expected: String, opened: Token? = nil, mayContinue: Bool = false, help: String? = nil
  ) -> Panic {
    let token = current
    if token.kind == .bad { return Panic() }
    if token.kind == .end {
      if isIncomplete { return Panic() }
      if depth > 0 || mayContinue { isIncomplete = true }
    }
    if let opened, token.kind == .end {
      return fail(
        "syntax.unclosed", "\(describe(opened)) is never closed", at: span(opened),
        label: "opened here", help: help ?? "close it with `\(closing(opened))`")
    }
    var notes: [String] = []
    if let opened {
      let line = source.line(at: opened.start)
      if line != source.line(at: token.start) {
        notes.append("\(describe(opened)) was opened on line \(line)")
      }
    }
    report(
      "syntax.unexpected", "expected \(expected), found \(describe(token))", at: place(of: token),
      help: help, notes: notes)
    return Panic()
  }

  /// Where to point for the current token; for the end of a line or of the text, just after what stands before it.
  func place(of token: Token) -> Span {
    guard token.kind == .newline || token.kind == .end else { return span(token) }
    var before = index
    while before > 0, tokens[before].start >= token.start || tokens[before].kind == .newline {
      before -= 1
    }
    let end = before < index ? tokens[before].end : token.start
    return Span(source: source, start: end, end: end)
  }

  func describe(_ token: Token) -> String {
    switch token.kind {
    case .newline: "the end of the line"
    case .end: "the end of the input"
    case .string: "a string"
    case .cell: "a cell's marker"
    default: "`\(source.string(token.start..<token.end).brief)`"
    }
  }

  private func closing(_ opened: Token) -> String {
    switch opened.kind {
    case .leftBrace: "}"
    case .leftParenthesis: ")"
    default: "]"
    }
  }

  /// Skips to where the next statement may begin: a line end, `;`, or the end of the enclosing block.
  mutating func recover() {
    var open = 0
    while true {
      switch kind {
      case .end, .cell: return
      case .newline, .semicolon:
        if open == 0 { return }
      case .leftBrace: open += 1
      case .rightBrace:
        if open == 0 { return }
        open -= 1
      default: break
      }
      advance()
    }
  }

  // MARK: Nesting

  /// Parses what a bracket encloses, at most `maximumDepth` deep. The bracket has been consumed.
  mutating func nested<Node>(
    in open: Token, newlinesAreBlanks blanks: Bool,
    _ body: (inout Parser) throws(Panic) -> Node
  ) throws(Panic) -> Node {
    guard depth < Self.maximumDepth else {
      report(
        "syntax.nesting", "nested more than \(Self.maximumDepth) deep", at: span(open),
        help: "name the inner parts: `x = …`")
      isHalted = true
      index = tokens.count - 1
      throw Panic()
    }
    let outer = newlinesAreBlanks
    newlinesAreBlanks = blanks
    depth += 1
    defer {
      depth -= 1
      newlinesAreBlanks = outer
    }
    return try body(&self)
  }
}

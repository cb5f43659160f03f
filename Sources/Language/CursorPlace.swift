/// What may be typed at a place of a text that is still being written: what completion needs to know of the grammar.
public struct CursorPlace: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// A stage begins: a verb, `$name`, `each`, `{`.
    case stage
    /// A call goes on: another value, or the key of one.
    case argument(CallSoFar)
    /// The value of `key=`, or an element of its list.
    case value(CallSoFar, key: String)
    /// A name after `$`.
    case variable
    /// A member of the value written so: `$r`, `$t["q → ft"]`. `isBracketed`: behind `[`, else behind `.`.
    case member(of: String, isBracketed: Bool)
    /// Nothing that could be known: a comment, a number, a name being made.
    case nothing
  }

  /// A call that is being written.
  public struct CallSoFar: Sendable, Equatable {
    public var verb: String
    /// The keys given so far.
    public var keys: [String] = []
    /// The values that stand without a key, as words; empty for what is none.
    public var values: [String] = []

    public init(verb: String, keys: [String] = [], values: [String] = []) {
      self.verb = verb
      self.keys = keys
      self.values = values
    }
  }

  public var kind: Kind
  /// What is typed of the word at the cursor.
  public var prefix: String
  /// Where that begins, in bytes.
  public var start: Int
  /// Whether it stands in quotes, the opening one before `start`.
  public var isQuoted: Bool
  /// Names that the text itself gives, in order: of bindings, loops and parameters.
  public var names: [String]
  /// Verbs that the text itself defines.
  public var functions: [String]

  /// - Parameter offset: The cursor, in bytes; what stands behind it does not matter.
  public init(_ text: String, at offset: Int) {
    let bytes = Array(text.utf8.prefix(max(0, offset)))
    let source = Source(name: "", text: String(decoding: bytes, as: UTF8.self))
    var lexer = Lexer(source)
    lexer.run()
    var walk = CursorWalk(source: source, tokens: lexer.tokens.filter { $0.kind != .end })
    self = walk.place()
  }

  init(kind: Kind, prefix: String, start: Int, isQuoted: Bool = false) {
    self.kind = kind
    self.prefix = prefix
    self.start = start
    self.isQuoted = isQuoted
    names = []
    functions = []
  }
}

/// Walks the tokens before a cursor. The text may be broken anywhere: brackets that do not match are not minded.
private struct CursorWalk {
  let source: Source
  let tokens: [Token]

  /// What is open around the cursor.
  private enum Frame {
    /// `{`, `(`: stages within; what was before goes on after it.
    case stages(Stage?)
    /// `[` of a list.
    case list
    /// `[` that touches a value: where the value begins, and where the bracket stands.
    case slice(value: Int, bracket: Int)
    /// The parentheses of a `def`.
    case parameters
  }

  /// The stage that is being written; nil where one begins.
  private struct Stage {
    var call: CursorPlace.CallSoFar?
    var key: String?
  }

  private var frames: [Frame] = []
  private var stage: Stage?
  private var names: [String] = []
  private var functions: [String] = []
  /// Where the value that suffixes may follow begins.
  private var valueStart = 0
  private var expectsParameter = false

  init(source: Source, tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  mutating func place() -> CursorPlace {
    let end = source.bytes.count
    // The word at the cursor is what is asked for; all before it is walked over.
    var last = tokens.last.flatMap { $0.end == end ? $0 : nil }
    if let token = last {
      switch token.kind {
      case .word, .number, .variable, .member, .bad: break
      case .string where !isClosed(token): break
      default: last = nil
      }
    }
    let before = last == nil ? tokens[...] : tokens.dropLast()
    for index in before.indices { step(index, before) }
    var place = describe(last, end)
    if let comment = commentStart(after: tokens.last?.end ?? 0), comment < end {
      place = CursorPlace(kind: .nothing, prefix: "", start: end)
    }
    place.names = names
    place.functions = functions
    return place
  }

  private func isClosed(_ token: Token) -> Bool {
    let text = source.bytes[token.start..<token.end]
    guard text.count > 1, text.last == UInt8(ascii: "\"") else { return false }
    // An odd number of backslashes before it escapes it.
    return text.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 0
  }

  /// A `#` between the last token and the cursor begins a comment.
  private func commentStart(after offset: Int) -> Int? {
    source.bytes[offset...].firstIndex(of: UInt8(ascii: "#"))
  }

  // MARK: What was written so far

  private mutating func step(_ index: Int, _ tokens: ArraySlice<Token>) {
    let token = tokens[index]
    let next = index + 1 < tokens.endIndex ? tokens[index + 1].kind : nil
    switch token.kind {
    case .newline:
      if case .list = frames.last { return }
      if case .parameters = frames.last { return }
      stage = nil
    case .semicolon, .pipe, .cell: stage = nil
    case .leftBrace:
      frames.append(.stages(nil))
      stage = nil
    case .leftParenthesis:
      if stage?.call?.verb == "def" {
        frames.append(.parameters)
        expectsParameter = true
      } else {
        frames.append(.stages(stage))
        stage = nil
      }
    case .leftBracket: frames.append(.list)
    case .sliceBracket: frames.append(.slice(value: valueStart, bracket: token.start))
    case .rightBrace, .rightParenthesis, .rightBracket: close(token.kind)
    case .equals:
      // `x = …`: what the name is to be begins.
      if case .parameters = frames.last { return }
      if stage?.call?.values.isEmpty == true, stage?.key == nil, let name = stage?.call?.verb {
        names.append(name)
        stage = nil
      }
    case .colon: if case .slice = frames.last {} else { stage = nil }
    case .question: stage = Stage(call: CursorPlace.CallSoFar(verb: "help"))
    case .word(let text): word(text, token, next)
    case .string, .number:
      if case .slice = frames.last { return }
      valueStart = token.start
      if next == .colon, stage == nil { return }
      value()
    case .variable(let name):
      if case .slice = frames.last { return }
      valueStart = token.start
      if stage?.call?.verb == "each", stage?.call?.values.isEmpty == true { names.append(name) }
      if stage == nil { stage = Stage(call: nil) } else { value() }
    case .member: break
    case .comma: expectsParameter = true
    case .bad, .end: break
    }
  }

  private mutating func word(_ text: String, _ token: Token, _ next: Token.Kind?) {
    if case .slice = frames.last { return }
    if case .parameters = frames.last {
      if expectsParameter { names.append(text.hasSuffix(":") ? String(text.dropLast()) : text) }
      expectsParameter = false
      return
    }
    valueStart = token.start
    guard stage != nil else {
      // A label: the stage is still to come.
      if text.hasSuffix(":") || next == .colon { return }
      stage = Stage(call: CursorPlace.CallSoFar(verb: text))
      return
    }
    if stage?.call?.verb == "def", stage?.call?.values.isEmpty == true { functions.append(text) }
    if next == .equals {
      stage?.key = text
      stage?.call?.keys.append(text)
    } else {
      value(text)
    }
  }

  /// A value is complete.
  private mutating func value(_ text: String = "") {
    if case .list = frames.last { return }
    if stage?.key != nil { stage?.key = nil } else { stage?.call?.values.append(text) }
  }

  private mutating func close(_ kind: Token.Kind) {
    guard let frame = frames.popLast() else { return }
    switch frame {
    case .stages(let outer):
      stage = outer ?? Stage(call: nil)
      if kind == .rightParenthesis { value() }
    case .list: value()
    case .slice: break
    case .parameters: stage = Stage(call: nil)
    }
  }

  // MARK: What is at the cursor

  private func describe(_ last: Token?, _ end: Int) -> CursorPlace {
    guard let last else {
      if let place = label("", at: end, isQuoted: false) { return place }
      return CursorPlace(kind: open, prefix: "", start: end)
    }
    let text = source.string(last.start..<last.end)
    switch last.kind {
    case .variable(let name):
      return CursorPlace(kind: .variable, prefix: name, start: last.start + 1)
    case .bad where text == "$":
      return CursorPlace(kind: .variable, prefix: "", start: last.end)
    case .member(let name):
      return member(name, at: last.start)
    case .word(".") where tokens.dropLast().last?.end == last.start:
      return member("", at: last.start)
    case .word, .number:
      if let place = label(text, at: last.start, isQuoted: false) { return place }
      if case .parameters = frames.last {
        return CursorPlace(kind: .nothing, prefix: text, start: last.start)
      }
      return CursorPlace(kind: open, prefix: text, start: last.start)
    case .string:
      // `$na` in a string is a variable too.
      if let dollar = text.lastIndex(of: "$"),
        text[text.index(after: dollar)...].allSatisfy({
          $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-"
        })
      {
        let prefix = String(text[text.index(after: dollar)...])
        return CursorPlace(kind: .variable, prefix: prefix, start: end - prefix.utf8.count)
      }
      if let place = label(String(text.dropFirst()), at: last.start + 1, isQuoted: true) {
        return place
      }
      return CursorPlace(
        kind: open, prefix: String(text.dropFirst()), start: last.start + 1, isQuoted: true)
    default: return CursorPlace(kind: .nothing, prefix: "", start: end)
    }
  }

  /// Behind a dot.
  private func member(_ prefix: String, at dot: Int) -> CursorPlace {
    CursorPlace(
      kind: .member(of: source.string(valueStart..<dot), isBracketed: false), prefix: prefix,
      start: dot + 1)
  }

  /// Within the brackets of a suffix.
  private func label(_ prefix: String, at start: Int, isQuoted: Bool) -> CursorPlace? {
    guard case .slice(let value, let bracket) = frames.last else { return nil }
    return CursorPlace(
      kind: .member(of: source.string(value..<bracket), isBracketed: true), prefix: prefix,
      start: start, isQuoted: isQuoted)
  }

  private var open: CursorPlace.Kind {
    if case .parameters = frames.last { return .nothing }
    guard let stage else { return .stage }
    guard let call = stage.call else { return .nothing }
    switch call.verb {
    case "def": return .nothing
    case "each": return call.values.isEmpty ? .variable : .nothing
    default: return stage.key.map { .value(call, key: $0) } ?? .argument(call)
    }
  }
}

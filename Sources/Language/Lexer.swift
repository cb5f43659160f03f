/// Cuts a source into tokens. Never fails: what it cannot read becomes a `bad` token and a diagnostic.
struct Lexer {
  let source: Source
  let bytes: [UInt8]
  var place = 0
  private(set) var tokens: [Token] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// Documentation by the index of the `def` token it stands above.
  private(set) var documentation: [Int: String] = [:]
  /// All comments but cells' markers and their text, documentation included, in order.
  var comments: [Range<Int>] = []

  var pendingDocumentation: [String] = []
  /// Between a suffix's `[` and its `]`, `:` parts words.
  private var isInSlice = false
  /// Whether anything stood on this line so far: tokens, or tokens and comments.
  private var lineHasToken = false
  private var lineHasContent = false

  init(_ source: Source) {
    self.source = source
    bytes = source.bytes
  }

  mutating func run() {
    if let offset = source.invalidOffset {
      report(
        "syntax.encoding", "the text is not valid UTF-8", offset, scalarEnd(offset),
        label: "from here", help: "save it as UTF-8")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
    tokens.reserveCapacity(bytes.count / 4)
    while place < bytes.count { next() }
    add(.end, from: place)
  }

  private mutating func next() {
    let start = place
    switch bytes[place] {
    case 0x20, 0x09, 0x0B, 0x0C, 0x0D: place += 1
    case 0x0A:
      place += 1
      if !lineHasContent { pendingDocumentation = [] }
      add(.newline, from: start)
      isInSlice = false
      lineHasToken = false
      lineHasContent = false
    case UInt8(ascii: "#"):
      comment(mayDocument: !lineHasToken)
      lineHasContent = true
    case UInt8(ascii: "\""): add(.string(string()), from: start)
    case UInt8(ascii: "$"): variable()
    case UInt8(ascii: "["):
      place += 1
      let isSuffix = tokens.last.map { $0.endsValue && $0.end == start } ?? false
      isInSlice = isSuffix
      add(isSuffix ? .sliceBracket : .leftBracket, from: start)
    case UInt8(ascii: "]"):
      place += 1
      isInSlice = false
      add(.rightBracket, from: start)
    case UInt8(ascii: "("): mark(.leftParenthesis)
    case UInt8(ascii: ")"): mark(.rightParenthesis)
    case UInt8(ascii: "{"): mark(.leftBrace)
    case UInt8(ascii: "}"): mark(.rightBrace)
    case UInt8(ascii: "|"): mark(.pipe)
    case UInt8(ascii: ";"): mark(.semicolon)
    case UInt8(ascii: ","): mark(.comma)
    case UInt8(ascii: "="): mark(.equals)
    case UInt8(ascii: "?"): mark(.question)
    case UInt8(ascii: ".") where member(): break
    case UInt8(ascii: ":") where isInSlice || touchesString: mark(.colon)
    default: word()
    }
  }

  private mutating func mark(_ kind: Token.Kind) {
    place += 1
    add(kind, from: place - 1)
  }

  mutating func add(_ kind: Token.Kind, from start: Int) {
    // Separators in front of a statement separate nothing: the printed form has none of them, and in the place of a line of
    // them an empty one.
    if kind == .semicolon {
      lineHasToken = true
    } else if kind != .newline {
      lineHasToken = true
      lineHasContent = true
      if !pendingDocumentation.isEmpty {
        if kind == .word("def") {
          documentation[tokens.count] = pendingDocumentation.joined(separator: "\n")
        }
        pendingDocumentation = []
      }
    }
    tokens.append(Token(kind: kind, start: start, end: place))
  }

  private var touchesString: Bool {
    guard let last = tokens.last, last.end == place, case .string = last.kind else { return false }
    return true
  }

  private mutating func variable() {
    let start = place
    place += 1
    var end = nameEnd(place)
    if end == place {
      while end < bytes.count, bytes[end] >= 0x30, bytes[end] <= 0x39 { end += 1 }
    }
    guard end > place else {
      report(
        "syntax.variable", "`$` without a name", start, place,
        help: "`$name` reads a variable; text with a `$` in it takes quotes")
      return add(.bad, from: start)
    }
    let name = source.string(place..<end)
    place = end
    add(.variable(name), from: start)
  }

  /// Reads `.name` where it touches what can have members. Words keep their dots.
  private mutating func member() -> Bool {
    guard let last = tokens.last, last.end == place, last.endsValue else { return false }
    let end = nameEnd(place + 1)
    guard end > place + 1 else { return false }
    let start = place
    place = end
    add(.member(source.string(start + 1..<end)), from: start)
    return true
  }

  private mutating func word() {
    let start = place
    while let (scalar, end) = scalar(at: place), scalar.isWord, !(isInSlice && scalar == ":") {
      place = end
    }
    guard place > start else { return unexpectedCharacter() }
    let text = source.string(start..<place)
    if text == ":" { return add(.colon, from: start) }
    guard let number = Number(word: text, span: span(start, place)) else {
      return add(.word(text), from: start)
    }
    if !number.value.isFinite {
      report(
        "syntax.number", "the number `\(text.brief)` is too large", start, place,
        help: "the largest is about 1.8e308")
    }
    add(.number(number), from: start)
  }

  private mutating func unexpectedCharacter() {
    let start = place
    guard let (scalar, end) = scalar(at: place) else {
      place += 1
      return
    }
    place = end
    if scalar == "\u{FFFD}", source.invalidOffset != nil { return add(.bad, from: start) }
    var help: String?
    let closing: [Unicode.Scalar: Unicode.Scalar] = [
      "'": "'", "`": "`", "\u{2018}": "\u{2019}", "\u{201C}": "\u{201D}",
    ]
    if let close = closing[scalar] {
      var probe = end
      while let (next, after) = self.scalar(at: probe), next != "\n" {
        probe = after
        if next == close {
          place = after
          break
        }
      }
      help = "strings stand in double quotes: \"…\""
    } else if scalar.properties.isWhitespace {
      help = "it looks like a space; type a plain one"
    } else if scalar == "\\" {
      help = "a line that starts with `|` continues the one before; nothing else does"
    } else if scalar.properties.generalCategory == .dashPunctuation {
      help = "a plain `-` may stand in words"
    } else {
      help = "text with such characters stands in double quotes"
    }
    let shown =
      scalar.isUnprintable || scalar.properties.isWhitespace
      ? "U+" + padded(scalar.value) : "`\(Character(scalar))`"
    report("syntax.character", "unexpected character \(shown)", start, place, help: help)
    add(.bad, from: start)
  }

  private func padded(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  mutating func report(
    _ code: String, _ message: String, _ start: Int, _ end: Int, label: String? = nil,
    help: String? = nil
  ) {
    guard diagnostics.count < Parser.maximumDiagnostics else { return }
    diagnostics.append(
      Diagnostic(code: code, message, at: span(start, end), label: label, help: help))
  }

  /// Whether the text ends within a string.
  var endsInString: Bool {
    diagnostics.contains { $0.code == "syntax.string.unclosed" && $0.span?.end == bytes.count }
  }

  func span(_ start: Int, _ end: Int) -> Span { Span(source: source, start: start, end: end) }

  /// Where the name that begins at a byte ends; the same byte where none does.
  func nameEnd(_ start: Int) -> Int {
    guard let (first, next) = scalar(at: start), first.startsName else { return start }
    var end = next
    while let (scalar, after) = scalar(at: end) {
      if scalar.continuesName {
        end = after
      } else if scalar == "-", let (second, last) = self.scalar(at: after), second.continuesName {
        end = last
      } else {
        break
      }
    }
    return end
  }

  func scalarEnd(_ start: Int) -> Int { scalar(at: start)?.end ?? start }

  /// The scalar at a byte and where the next begins; nil at the end.
  func scalar(at start: Int) -> (scalar: Unicode.Scalar, end: Int)? {
    guard start < bytes.count else { return nil }
    let first = bytes[start]
    if first < 0x80 { return (Unicode.Scalar(first), start + 1) }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    let end = min(start + length, bytes.count)
    var value = UInt32(first) & (0xFF >> UInt32(length + 1))
    for byte in bytes[(start + 1)..<end] { value = value << 6 | UInt32(byte & 0x3F) }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", end)
  }
}

/// The words behind a script's name on a command line, read as a call: `--key=value`, `--key value` and plain values.
///
/// A word that is a value of the language without variables and pipes (`4k`, `tiny-codes[:64]`, `[rtn gptq]`) means
/// the same here; any other is text.
public struct CommandLine: Sendable {
  /// The line as it is shown in diagnostics.
  public let source: Source
  public let call: Call
  public let diagnostics: [Diagnostic]

  /// - Parameters:
  ///   - words: What stands behind the script's name.
  ///   - literalFrom: The index of the first word that is no `--key`, whatever it looks like.
  ///   - script: Its name as typed.
  ///   - verb: The definition to call.
  ///   - switches: The keys that mean `yes` where no value is attached.
  public init(
    _ words: [String], literalFrom: Int? = nil, of script: String, calling verb: String,
    switches: Set<String> = []
  ) {
    var text = script.isBareWord ? script : "\(Value(.string(Text(script))))"
    let start = text.utf8.count
    for (place, word) in words.enumerated() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let isKey =
        word.hasPrefix("--") && parts[0].dropFirst(2).isName
        && place < literalFrom ?? words.count
      if isKey {
        text += " \(parts[0])" + (parts.count == 2 ? "=\(Self.written(String(parts[1])))" : "")
      } else {
        text += " \(Self.written(word))"
      }
    }
    source = Source(name: "command line", text: text)
    var lexer = Lexer(source)
    lexer.run()
    var parser = Parser(lexer)
    let name = Name(
      verb, span: Span(source: source, start: 0, end: start))
    call = parser.commandLine(name, switches)
    diagnostics = lexer.diagnostics + parser.diagnostics
  }

  /// A word as the language writes it.
  private static func written(_ word: String) -> String {
    var lexer = Lexer(Source(name: "", text: word))
    lexer.run()
    var isPlain = lexer.diagnostics.isEmpty && lexer.comments.isEmpty && !word.hasPrefix("--")
    for token in lexer.tokens {
      switch token.kind {
      case .number, .leftBracket, .sliceBracket, .rightBracket, .colon, .member, .end: break
      case .word(let text): isPlain = isPlain && !reservedWords.contains(text)
      case .string(let text): isPlain = isPlain && text.literal != nil
      default: isPlain = false
      }
    }
    if isPlain {
      var parser = Parser(lexer)
      let value = try? parser.value()
      if value != nil, parser.kind == .end, parser.diagnostics.isEmpty { return word }
    }
    return "\(Value(.string(Text(word))))"
  }
}

extension Parser {
  // line = SCRIPT {"--" KEY ["=" value | value] | value} ;
  fileprivate mutating func commandLine(_ verb: Name, _ switches: Set<String>) -> Call {
    var arguments: [Argument] = []
    while current.start < verb.span.end, kind != .end { advance() }
    reading: while kind != .end {
      let first = current
      do throws(Panic) {
        guard case .word(let text) = first.kind, text.hasPrefix("--") else {
          let value = try value()
          arguments.append(Argument(value: value, span: value.span))
          continue
        }
        advance()
        let key = Name(String(text.dropFirst(2)), span: span(first))
        let isAttached = kind == .equals
        if isAttached { advance() }
        var isKey = false
        if case .word(let next) = kind { isKey = next.hasPrefix("--") }
        if !isAttached, switches.contains(key.text) {
          arguments.append(
            Argument(
              key: key, value: Value(.word(Name("yes", span: span(first))), span: span(first)))
          )
          continue
        }
        if kind == .end || !isAttached && isKey {
          throw unexpected(expected: "the value of `\(text)`", help: "`\(text)=…`")
        }
        arguments.append(Argument(key: key, value: try value(), span: span(from: first)))
      } catch {
        break reading
      }
    }
    return Call(
      verb: verb, arguments: arguments,
      span: Span(source: source, start: 0, end: source.bytes.count))
  }
}

import Language
import ScriptGenerator
import Testing

/// Whatever the bytes are: a result, spans inside of the text, diagnostics that can be drawn.
struct FuzzTests {
  private func check(_ bytes: [UInt8]) {
    let source = Source(name: "fuzz", bytes: bytes)
    let result = parse(source)
    let count = source.text.utf8.count
    for diagnostic in result.diagnostics {
      guard let span = diagnostic.span, span.start >= 0, span.end <= count, span.start <= span.end
      else {
        Issue.record("span outside of the text: \(diagnostic) in \(bytes)")
        return
      }
    }
    #expect(!DiagnosticSet(result.diagnostics).rendered().utf8.contains(0x1B))
    if result.diagnostics.isEmpty {
      let again = parse(Source(name: "again", text: result.script.formatted))
      #expect(again.diagnostics.isEmpty && again.script == result.script, "\(source.text)")
    }
    // A prompt asks for more only where the text so far is not wrong.
    if result.isIncomplete { #expect(result.diagnostics.count == 1) }
  }

  @Test(arguments: 0..<8)
  func randomBytes(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(1000 + seed))
    for _ in 0..<150 {
      check((0..<random.number(0...60)).map { _ in UInt8(random.number(0...255)) })
    }
  }

  @Test(arguments: 0..<8)
  func randomTokens(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(2000 + seed))
    let pieces = [
      "def", "each", "in", "x", "x:", "$x", "$", "=", " = ", "|", ";", "\n", "{", "}", "(", ")",
      "[",
      "]", ":", ",", ".y", "\"", "\"s\"", "\"$x\"", "\\", "4k", "-1", "#", "## d\n", "# %% t\n",
      "# %% [markdown]\n# m\n", "?", "é", "→", "\u{FEFF}", "\r\n", " ", "  ", "\t", "'", "1:2",
    ]
    for _ in 0..<250 {
      let text = (0..<random.number(0...30)).map { _ in random.pick(pieces) }.joined()
      check(Array(text.utf8))
    }
  }

  @Test(arguments: 0..<8)
  func mutatedScripts(_ seed: Int) {
    var generator = TreeGenerator(random: SeededGenerator(seed: UInt64(3000 + seed)))
    var random = SeededGenerator(seed: UInt64(4000 + seed))
    for _ in 0..<60 {
      var bytes = Array(generator.script().formatted.utf8)
      for _ in 0..<random.number(1...3) where !bytes.isEmpty {
        let place = random.number(0...(bytes.count - 1))
        switch random.number(0...3) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = UInt8(random.number(0...255))
        case 2: bytes.insert(random.pick(Array("{}[]()|;=\"$.:#\n ,?".utf8)), at: place)
        default: bytes.removeSubrange(place...)
        }
      }
      check(bytes)
    }
  }

  /// Every beginning of a script that is right is right or incomplete at a line's end, unless a word was cut.
  @Test func beginningsByLine() throws {
    let text = """
      load phi
        | quantize gptq
      x = [
        a
        4k
      ]
      def f(
        a: n = 3,
        b
      )
      {
        base: ppl
        other:
          diverge (load phi
            dtype=f32)  |
          plot
      }
      """
    let lines = text.split(separator: "\n")
    for count in 1...lines.count {
      let source = Source(name: "a", text: lines.prefix(count).joined(separator: "\n"))
      let result = parse(source)
      #expect(result.diagnostics.isEmpty || result.isIncomplete, "\(source.text)")
    }
    _ = try tree(text)
  }

  @Test(arguments: [
    "{", "(", "[", "x | {", "{ a: ", "each $x in (", "def f() {", "f (g [", "f $x[",
  ])
  func deepNesting(_ opening: String) {
    let text = String(repeating: opening, count: 5000)
    let result = parse(Source(name: "deep", text: text))
    #expect(!result.diagnostics.isEmpty)
    #expect(!result.isIncomplete)
    #expect(result.diagnostics.count < 10)
  }

  @Test func nestingUpToTheLimit() throws {
    let text = String(repeating: "{", count: 200) + String(repeating: "}", count: 200)
    let script = try tree(text)
    #expect(try tree(script.formatted) == script)
    let deeper = parse(Source(name: "deep", text: "{\(text)}"))
    #expect(deeper.diagnostics.map(\.code) == ["syntax.nesting"])
  }

  /// Long inputs take linear time: these would take minutes otherwise.
  @Test(arguments: [
    "a=\n", "x = \n", ")", "'", "\"\n", "{ a: b }\n", "\n", "a ", "$", "a|", "# x\n",
  ])
  func longInput(_ unit: String) {
    let text = String(repeating: unit, count: 20_000)
    let result = parse(Source(name: "long", text: text))
    #expect(result.diagnostics.count <= 100)
    if let first = result.diagnostics.first {
      #expect(first.rendered().utf8.count < 2000)
    }
  }
}

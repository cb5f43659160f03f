import Language
import Runtime
import Testing

struct DiagnosticTests {
  /// The example of the language's design.
  @Test func unknownQuantizer() {
    let source = Source(name: "a.olv", text: "load phi; quantize gtpq samples=128")
    let diagnostic = Diagnostic(
      code: "bind.choice", "no quantizer `gtpq`", at: Span(source: source, start: 19, end: 23),
      label: "did you mean `gptq`?",
      help: "quantize <method> [bits=4] [group=128] [samples=128] …   (`? quantize` for all)")
    #expect(
      diagnostic.rendered() == """
        error: no quantizer `gtpq`
         1 | load phi; quantize gtpq samples=128
           |                    ^^^^ did you mean `gptq`?
        help: quantize <method> [bits=4] [group=128] [samples=128] …   (`? quantize` for all)
        """)
    #expect(
      diagnostic.rendered(DiagnosticStyle(place: true)).split(separator: "\n")[1]
        == " --> a.olv:1:20")
    let colored = diagnostic.rendered(DiagnosticStyle(color: true))
    #expect(colored.contains("\u{1B}[1;31merror:\u{1B}[0m"))
    #expect(colored.contains("\u{1B}[1;31m^^^^ did you mean `gptq`?\u{1B}[0m"))
  }

  @Test func spanAtTheEndAndOutside() {
    let source = Source(name: "a", text: "load\n")
    func drawn(_ start: Int, _ end: Int) -> String {
      Diagnostic(.warning, code: "x", "m", at: Span(source: source, start: start, end: end))
        .rendered()
    }
    #expect(drawn(4, 4) == "warning: m\n 1 | load\n   |     ^")
    #expect(drawn(5, 5) == "warning: m\n 2 |\n   | ^")
    #expect(drawn(2, 99) == "warning: m\n 1 | load\n   |   ^^")
    #expect(drawn(99, 99) == "warning: m\n 2 |\n   | ^")
    #expect(drawn(-7, -3) == "warning: m\n 1 | load\n   | ^")
  }

  @Test func gutterGrowsWithTheLineNumber() {
    let source = Source(name: "a", text: String(repeating: "\n", count: 99) + "x")
    let drawn = Diagnostic(code: "x", "m", at: Span(source: source, start: 99, end: 100))
    #expect(drawn.rendered() == "error: m\n 100 | x\n     | ^")
  }

  @Test func longLinesAreCut() {
    let line = String(repeating: "a", count: 300) + "HERE" + String(repeating: "模", count: 300)
    let source = Source(name: "a", text: line)
    let diagnostic = Diagnostic(code: "x", "m", at: Span(source: source, start: 300, end: 304))
    let lines = diagnostic.rendered(DiagnosticStyle(width: 60)).split(separator: "\n")
    #expect(lines[1].hasPrefix(" 1 | …aaa"))
    #expect(lines[1].hasSuffix("模…"))
    #expect(lines[1].displayWidth <= 60)
    let caret = lines[2].prefix { $0 != "^" }
    let place = String(lines[1]).split(separator: "H")[0]
    #expect(caret.displayWidth == place.displayWidth)
    let whole = Diagnostic(code: "x", "m", at: Span(source: source, start: 0, end: 1000))
    for line in whole.rendered(DiagnosticStyle(width: 60)).split(separator: "\n") {
      #expect(line.displayWidth <= 60)
    }
  }

  /// On a terminal sentences are broken between words; what is to be copied is not.
  @Test func sentencesAreWrapped() {
    let source = Source(name: "a", text: "quantize gtpq samples=128 data=tiny-codes[:400]")
    let diagnostic = Diagnostic(
      code: "x", "a message that is too long for so small a terminal",
      at: Span(source: source, start: 9, end: 13), help: "and help which is so too, by far",
      meant: "gptq")
    #expect(
      diagnostic.rendered(DiagnosticStyle(width: 32, wraps: true)) == """
        error: a message that is too
               long for so small a
               terminal
         1 | quantize gtpq samples=128 …
           |          ^^^^ did you mean `gptq`?
        help: and help which is so too,
              by far
         try: quantize gptq samples=128 data=tiny-codes[:400]
        """)
  }

  /// What a script holds must not reach the terminal as a command.
  @Test func controlCharactersAreShown() {
    let result = parse(Source(name: "a\u{1B}[2J", text: "load \u{1B}[31m\u{202E}x"))
    let drawn = DiagnosticSet(result.diagnostics).rendered(DiagnosticStyle(place: true))
    #expect(!drawn.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
    #expect(drawn.contains("U+001B"))
    #expect(drawn.contains("␛"))
  }

  struct Trouble: Failure {
    var message: String { "no such file `x`" }
    var help: String? { "look again" }
  }

  @Test func failuresTakeTheirPlace() {
    let source = Source(name: "a", text: "load x")
    let span = Span(source: source, start: 5, end: 6)
    let diagnostic = Diagnostic(Trouble(), at: span)
    #expect(
      diagnostic.rendered() == """
        error: no such file `x`
         1 | load x
           |      ^
        help: look again
        """)
    #expect((diagnostic.line, diagnostic.column) == (1, 6))
    let kept = Diagnostic(diagnostic, at: Span(source: source, start: 0, end: 4))
    #expect(kept == diagnostic)
    #expect(
      Diagnostic(Trouble(), at: nil).rendered() == "error: no such file `x`\nhelp: look again")
    #expect(
      DiagnosticSet([diagnostic, diagnostic]).message == "no such file `x` (and 1 more)")
  }

  @Test func notesAndLongHelp() {
    let diagnostic = Diagnostic(
      .warning, code: "x", "m", at: nil, help: "one\ntwo", notes: ["first", "second"])
    #expect(
      diagnostic.rendered() == """
        warning: m
        note: first
        note: second
        help: one
              two
        """)
  }
}

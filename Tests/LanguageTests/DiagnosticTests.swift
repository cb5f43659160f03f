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

  /// Script text and all its diagnostics as drawn.
  @Test(arguments: [
    (
      "load phi |",
      """
      error: expected a verb, found the end of the input
       1 | load phi |
         |           ^
      """
    ),
    (
      "load phi\nquantize gptq bits = 4\nppl 'x y'",
      """
      error: a parameter has no spaces around its `=`
       2 | quantize gptq bits = 4
         |                    ^
      help: `bits=…`

      error: unexpected character `'`
       3 | ppl 'x y'
         |     ^^^^^
      help: strings stand in double quotes: "…"
      """
    ),
    (
      "x=3",
      """
      error: a binding has spaces around its `=`
       1 | x=3
         |  ^
      help: `x = …` binds a variable, `verb x=…` sets a parameter
      """
    ),
    (
      "{ a: ppl\n  ppl\n  a: ppl\n  ppl (load phi ]\n}",
      """
      error: this item of the block has no label
       2 |   ppl
         |   ^^^
      help: give every item of the block a label, or none; several steps of one arm stand in a block of their own: `name: { …; … }`

      error: there are two arms `a`
       3 |   a: ppl
         |   ^

      error: expected a value, found `]`
       4 |   ppl (load phi ]
         |                 ^
      """
    ),
    (
      "# one\n{ a: ppl\n\n",
      """
      error: `{` is never closed
       2 | { a: ppl
         | ^ opened here
      """
    ),
    (
      "def f(\n a\n b) { }",
      """
      error: expected `,` or `)`, found `b`
       3 |  b) { }
         |  ^
      note: `(` was opened on line 1
      """
    ),
    (
      "\tload 模型 $dir/x é\"s",
      """
      error: a blank is missing before `/x`
       1 |     load 模型 $dir/x é"s
         |                   ^^
      help: words do not interpolate; quoted strings do: "$name/…"

      error: the string has no closing quote
       1 |     load 模型 $dir/x é"s
         |                       ^^
      help: a string ends on its line; `\\n` stands for a new line
      """
    ),
    (
      "base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl",
      """
      error: the label `base:` stands outside of a block
       1 | base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl
         | ^^^^^
      help: labels stand inside a block: `{ base: … }`

      error: `base:ppl` is no verb
       1 | base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl
         |            ^^^^^^^^
      help: a space follows the colon of a label: `base: ppl`

      error: a verb is called without parentheses
       1 | base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl
         |                              ^
      help: `quantize value key=value`

      error: `tiny-codes[…]` is a value, not a verb
       1 | base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl
         |                                      ^^^^^^^^^^
      help: a statement begins with a verb, `$variable`, `each` or `{`

      error: expected `|` or the end of the statement, found `ppl`
       1 | base: ppl; base:ppl; quantize(gptq); tiny-codes[:3]; $x ppl
         |                                                         ^^^
      help: `$x` takes no parameters
      """
    ),
    (
      "ppl $d[5:2]\nppl a[-1:]\nppl a[1.5]\nppl [[a][b c]]\nppl as=[a, b]",
      """
      error: the slice ends before it begins
       1 | ppl $d[5:2]
         |        ^^^
      help: `[2:5]`

      error: a slice counts whole numbers from 0, and `-1` is none
       2 | ppl a[-1:]
         |       ^^

      error: a slice counts whole numbers from 0, and `1.5` is none
       3 | ppl a[1.5]
         |       ^^^

      error: expected a slice, found `b`
       4 | ppl [[a][b c]]
         |          ^
      help: a slice is `[2:5]`, `[:5]`, `[2:]`, `[2]` or `[name]`; a list has a blank before it

      error: the values of a list are parted by blanks
       5 | ppl as=[a, b]
         |          ^
      help: `[a b c]`, without commas
      """
    ),
    (
      "ppl \"\\q \\u{110000}\" 1e999",
      """
      error: unknown escape `\\q`
       1 | ppl "\\q \\u{110000}" 1e999
         |      ^^
      help: a string knows `\\n`, `\\t`, `\\r`, `\\"`, `\\\\`, `\\$` and `\\u{…}`

      error: `\\u` is not followed by a character's number
       1 | ppl "\\q \\u{110000}" 1e999
         |         ^^
      help: for example `\\u{e9}` for é

      error: the number `1e999` is too large
       1 | ppl "\\q \\u{110000}" 1e999
         |                     ^^^^^
      """
    ),
    (
      "each m in [a] { }\neach $m [a] { }\ndef each() { }\nppl in\nload phi def f() { }",
      """
      error: `each` names its variable with `$`
       1 | each m in [a] { }
         |      ^
      help: each $m in …

      error: expected `in`, found `[`
       2 | each $m [a] { }
         |         ^
      help: each $m in [a b] { … }

      error: `each` is reserved and cannot name a verb
       3 | def each() { }
         |     ^^^^

      error: `in` is reserved
       4 | ppl in
         |     ^^
      help: put it in quotes to use it as a word, or after `;` to begin a statement

      error: `def` is reserved
       5 | load phi def f() { }
         |          ^^^
      help: put it in quotes to use it as a word, or after `;` to begin a statement
      """
    ),
    (
      "}\nx = 3 | ppl\n$y = 4\ndef f(a, $b, a) { }\nquantize gptq --bits=4\n3",
      """
      error: `}` closes no block
       1 | }
         | ^

      error: expected the end of the statement, found `|`
       2 | x = 3 | ppl
         |       ^
      help: a plain value cannot be piped; bind it first

      error: a binding names its variable without `$`
       3 | $y = 4
         | ^^
      help: `y = …` binds, `$y` reads

      error: a parameter is declared without `$`
       4 | def f(a, $b, a) { }
         |          ^^
      help: `b` declares it, `$b` reads it

      error: there are two parameters `a`
       4 | def f(a, $b, a) { }
         |              ^

      error: `--bits` cannot name a parameter
       5 | quantize gptq --bits=4
         |               ^^^^^^
      help: `bits=…`, without dashes

      error: expected a verb, found `3`
       6 | 3
         | ^
      help: `name = …` keeps a value
      """
    ),
  ])
  func syntaxErrors(_ text: String, _ expected: String) {
    let result = parse(Source(name: "test", text: text))
    #expect(DiagnosticSet(result.diagnostics).rendered() == expected)
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

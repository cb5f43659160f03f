import Language
import Testing

/// Parses text that must be right.
func tree(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> Script {
  let result = parse(Source(name: "test", text: text))
  #expect(
    result.diagnostics.isEmpty, "\(DiagnosticSet(result.diagnostics).rendered())",
    sourceLocation: location)
  #expect(!result.isIncomplete, sourceLocation: location)
  return try result.get()
}

struct GrammarTests {
  /// Source, and the canonical form on one line.
  @Test(arguments: [
    ("", ""),
    (" \t\n;;\n # a remark\n", ""),
    ("#!/usr/bin/env olv\nload phi", "load phi"),
    ("\u{FEFF}load phi", "load phi"),
    ("load phi; ppl", "load phi; ppl"),
    ("load phi\r\nppl\r\n", "load phi; ppl"),
    ("quantize gptq samples=128 # so", "quantize gptq samples=128"),
    ("finetune tiny-codes lr=2e-4 -1 .5", "finetune tiny-codes lr=2e-4 -1 .5"),
    ("load microsoft/Phi-3.5-mini-instruct", "load microsoft/Phi-3.5-mini-instruct"),
    ("load ./models/phi-awq; load ../x.jsonl", "load ./models/phi-awq; load ../x.jsonl"),
    ("load ~/m@main:a+b%20*", "load ~/m@main:a+b%20*"),
    ("load 模型/é→x", "load 模型/é→x"),
    ("ppl wikitext.test[:64]", "ppl wikitext.test[:64]"),
    ("ppl tiny-codes[5000:6000] [a]", "ppl tiny-codes[5000:6000] [a]"),
    ("ppl a[4k:] b[:] c[3] d[base] e[\"q → ft\"]", "ppl a[4000:] b[:] c[3] d[base] e[\"q → ft\"]"),
    ("ppl a[ 1 : 2 ]", "ppl a[1:2]"),
    ("print $x.loss[2:5].value $3 $_", "print $x.loss[2:5].value $3 $_"),
    ("print \"a\".b (ppl).value [1 2][0]", "print \"a\".b (ppl).value [1 2][0]"),
    ("ppl as=[olive gptq]", "ppl as=[olive gptq]"),
    ("ppl as=[\n  olive # one\n  gptq\n]", "ppl as=[olive gptq]"),
    ("f [] [[]] [[a] [b]] [(ppl)]", "f [] [[]] [[a] [b]] [(ppl)]"),
    ("a | b\n| c\n\n  # between\n  | d |\n e\nf", "a | b | c | d | e; f"),
    ("$m | ppl; $m.loss; $t[base]", "$m | ppl; $m.loss; $t[base]"),
    ("diverge (load phi\n  dtype=f32\n  | ppl\n)", "diverge (load phi dtype=f32 | ppl)"),
    ("x = 3; y = \"s\"; z = [a 1]; w = 24GiB", "x = 3; y = \"s\"; z = [a 1]; w = 24GiB"),
    ("m = load phi | quantize gptq", "m = load phi | quantize gptq"),
    (
      "d = tiny-codes[:64]; e = wikitext.test; g = phi",
      "d = tiny-codes[:64]; e = wikitext.test; g = phi"
    ),
    ("v = (ppl).value; r = $x.loss; b = { ppl }", "v = (ppl).value; r = $x.loss; b = { ppl }"),
    ("{}", "{}"),
    ("{ ppl; x = 3\n ppl }", "{ ppl; x = 3; ppl }"),
    (
      "{ a: ppl\n\"b c\":ppl; d : ppl; 4: ppl; in: ppl }",
      "{ a: ppl; \"b c\": ppl; d: ppl; 4: ppl; in: ppl }"
    ),
    ("{ a:\n ppl | plot }\n| table", "{ a: ppl | plot } | table"),
    ("{ \"$m\": ppl }", "{ \"$m\": ppl }"),
    ("each $m in [rtn gptq] { quantize $m }", "each $m in [rtn gptq] { quantize $m }"),
    (
      "each $m in $all\n{ \"$m → ft\": quantize $m | ppl } | plot",
      "each $m in $all { \"$m → ft\": quantize $m | ppl } | plot"
    ),
    ("def f() { ppl }", "def f() { ppl }"),
    (
      "def orders(methods: list = [gptq], data:dataset, n=3,\n  s : text)\n{ ppl }",
      "def orders(methods: list = [gptq], data: dataset, n = 3, s: text) { ppl }"
    ),
    (
      "? quantize; quantize ?; ?; quantize gptq?; ?quantize",
      "help quantize; help quantize; help; help quantize gptq; help quantize"
    ),
    (
      #"print "a\n\t\"\\\$x\u{e9}$y{z}$" "$a-b$c-" "$5" "#,
      #"print "a\n\t\"\\\$xé$y{z}\$" "$a-b$c\u{2d}" "\$5""#
    ),
    ("f --x -y a=b c", "f --x -y a=b c"),
    ("plan { quantize gptq\n ppl }", "plan { quantize gptq; ppl }"),
    ("plan run=yes { a: ppl; b: ppl } | plot", "plan run=yes { a: ppl; b: ppl } | plot"),
    ("x = plan {}", "x = plan {}"),
  ])
  func canonicalForm(_ text: String, _ expected: String) throws {
    let script = try tree(text)
    #expect(script.statements.map(\.description).joined(separator: "; ") == expected)
  }

  @Test func nodes() throws {
    let script = try tree("quantize gptq samples=4Ki \"$m-x y\" data=wikitext.train[:64]")
    let expected = Script(statements: [
      .pipe(
        Pipe(stages: [
          .call(
            Call(
              verb: Name("quantize"),
              arguments: [
                Argument(value: Value(.word(Name("gptq")))),
                Argument(
                  key: Name("samples"), value: Value(.number(Number(value: 4096, text: "4Ki")))),
                Argument(
                  value: Value(
                    .string(Text(segments: [.variable(Name("m-x")), .literal(" y")])))),
                Argument(
                  key: Name("data"),
                  value: Value(
                    .word(Name("wikitext.train")),
                    suffixes: [Suffix(.range(lower: nil, upper: 64))])),
              ]))
        ]))
    ])
    #expect(script == expected)
  }

  @Test func experimentOfTheDesign() throws {
    let script = try tree(
      """
      load phi
      { base:        ppl
        "q → ft":    quantize gptq | finetune tiny-codes steps=100 | ppl
        "ft → q":    finetune tiny-codes steps=100 | quantize gptq | ppl } | plot
      """)
    #expect(script.statements.count == 2)
    guard case .pipe(let pipe) = script.statements[1], case .block(let block) = pipe.stages[0],
      case .arms(let arms) = block.contents
    else {
      Issue.record("no labelled block")
      return
    }
    #expect(arms.map(\.label.literal) == ["base", "q → ft", "ft → q"])
    #expect(arms.map(\.pipe.stages.count) == [1, 3, 3])
    #expect(pipe.stages.count == 2)
  }

  @Test func datasetOfTheDesign() throws {
    let script = try tree(
      #"""
      mine = dataset "rows.jsonl" template="Q: {prompt}\nA: {response}"; ppl $mine[5000:6000]
      ppl as=olive; generate "prompt" tokens=20; defaults quantize bits=4
      """#)
    guard case .binding(let binding) = script.statements[0], case .pipe(let pipe) = binding.right,
      case .call(let call) = pipe.stages[0]
    else {
      Issue.record("no binding")
      return
    }
    #expect(call.arguments[1].value.atom == .string(Text("Q: {prompt}\nA: {response}")))
    #expect(script.statements.count == 5)
  }

  @Test func spansCoverTheirText() throws {
    let text = "x = 1\n## Doc.\ndef f(é: n = 2) { a: ppl $é.b[1:2] k=(g | h); \"c\": p }"
    let script = try tree(text)
    guard case .definition(let definition) = script.statements[1],
      case .arms(let arms) = definition.body.contents, case .call(let call) = arms[0].pipe.stages[0]
    else {
      Issue.record("unexpected tree")
      return
    }
    #expect(script.span.text == text)
    #expect(script.statements[0].span.text == "x = 1")
    #expect(definition.span.text.hasPrefix("def f("))
    #expect(definition.span.text.hasSuffix("p }"))
    #expect(definition.parameters[0].span.text == "é: n = 2")
    #expect(definition.parameters[0].type?.span.text == "n")
    #expect(arms[0].label.span.text == "a")
    #expect(arms[0].span.text == "a: ppl $é.b[1:2] k=(g | h)")
    #expect(arms[1].label.span.text == "\"c\"")
    #expect(call.arguments[0].span.text == "$é.b[1:2]")
    #expect(call.arguments[0].value.suffixes.map(\.span.text) == [".b", "[1:2]"])
    #expect(call.arguments[1].span.text == "k=(g | h)")
    #expect(call.arguments[1].key?.span.text == "k")
    #expect(definition.name.span.line == 3)
    #expect(call.arguments[1].span.column == 36)
  }

  @Test func documentation() throws {
    let script = try tree(
      """
      ## Not attached.

      ## First line.
      ##
      ##  indented
      def f() { }
      ## Of another.
      ppl ## no documentation
      def g() { }
      {
        ## Inner.
        def h() { }
      }
      """)
    func documentation(_ statement: Statement) -> String? {
      if case .definition(let node) = statement { node.documentation } else { nil }
    }
    #expect(documentation(script.statements[0]) == "First line.\n\n indented")
    #expect(documentation(script.statements[2]) == nil)
    guard case .pipe(let pipe) = script.statements[3], case .block(let block) = pipe.stages[0],
      case .statements(let inner) = block.contents
    else {
      Issue.record("no block")
      return
    }
    #expect(documentation(inner[0]) == "Inner.")
  }

  /// The printed form has no empty statements, and says of a definition what the text said.
  @Test(
    arguments: [
      ("## Doc.\n;def f() {}", "Doc."), ("## Doc.\n;; \ndef f() {}", nil),
      ("ppl;\n## Doc.\n ; def f() { }", "Doc."), ("## Doc.\nppl; def f() { }", nil),
      ("## Doc.\n; # remark\ndef f() { }", "Doc."),
    ] as [(String, String?)])
  func separatorsAndDocumentation(text: String, documentation: String?) throws {
    let script = try tree(text)
    guard case .definition(let definition)? = script.statements.last else {
      Issue.record("no definition")
      return
    }
    #expect(definition.documentation == documentation)
    #expect(try tree(script.formatted) == script)
    #expect(try tree(format(Source(name: "text", text: text))) == script)
  }

  @Test func cells() throws {
    let script = try tree(
      """
      load phi
      # %% [markdown] The question
      # # Heading
      #
      # Text.

      # %% Run it
      ppl
      # remark
      quantize gptq
      # %%
      # %% Words [markdown]

      # More.
      ## Doc.
      def f() { }
      """)
    #expect(
      script.cells == [
        Cell(title: "The question", kind: .markdown("# Heading\n\nText."), statements: 1..<1),
        Cell(title: "Run it", kind: .code, statements: 1..<3),
        Cell(title: "", kind: .code, statements: 3..<3),
        Cell(title: "Words", kind: .markdown("\nMore."), statements: 3..<4),
      ])
    #expect(script.cells[1].span.text == "# %% Run it")
    guard case .definition(let definition) = script.statements[3] else {
      Issue.record("no definition")
      return
    }
    #expect(definition.documentation == "Doc.")
    #expect(try tree(script.formatted) == script)
  }

  /// What the text ends inside of, so that more lines may complete it.
  @Test(arguments: [
    "{", "{ a: ppl", "{ a: ppl\n", "{ a:", "{ a: quantize gptq |", "load phi |", "load phi |\n",
    "def f(", "def f(a: n,", "def f()", "def f()\n", "each $m in [a]", "ppl [a", "ppl (load",
    "ppl (", "x = [1\n2", "{ x =", "x = { ppl", "def f() { each $m in [a] {",
  ])
  func incomplete(_ text: String) {
    let result = parse(Source(name: "test", text: text))
    #expect(result.isIncomplete)
    #expect(result.diagnostics.count == 1)
  }

  /// What more lines would not help.
  @Test(arguments: [
    "ppl a=", "x =", "ppl \"abc", "}", "{ ) }", "load phi | | {", "{ }}", "$", "def", "each $m",
    "ppl $x[1", "{ a: ppl )\n {",
  ])
  func wrongRatherThanIncomplete(_ text: String) {
    let result = parse(Source(name: "test", text: text))
    #expect(!result.isIncomplete)
    #expect(!result.diagnostics.isEmpty)
  }

  @Test func statementsBesideErrorsAreKept() {
    let result = parse(
      Source(name: "test", text: "load phi\nx = \nppl )\n{ a: ppl; b: \"x\"\n c: ppl }\nppl 4k"))
    #expect(result.diagnostics.map(\.line) == [2, 3, 4])
    #expect(
      result.script.statements.map(\.description) == ["load phi", "{ a: ppl; c: ppl }", "ppl 4k"])
    #expect(throws: DiagnosticSet.self) { try result.get() }
  }
}

import JSON
import Language
import Runtime
import Testing

@testable import Session

@Suite struct RunTests {
  @Test func statementsWorkOnTheCurrentModel() throws {
    let bench = Bench()
    try bench.run("load phi; quantize gptq bits=3\nfinetune numbers.jsonl steps=5; ppl")
    #expect(
      bench.recorder.lines == [
        "quantize phi → gptq w3", "finetune phi → gptq w3 → lora 5",
        "ppl phi → gptq w3 → lora 5 = 30",
      ])
    #expect(bench.session.model?.lineage == "phi → gptq w3 → lora 5")
  }

  @Test func aReportLeavesTheModelAlone() throws {
    let bench = Bench()
    try bench.run("load phi; ppl; quantize rtn; ppl")
    #expect(bench.recorder.lines.last == "ppl phi → rtn w4 = 20")
  }

  @Test func pipesPassModelsAndReports() throws {
    let bench = Bench()
    try bench.run("load phi | quantize rtn | ppl | expect below=21")
    #expect(bench.recorder.lines == ["quantize phi → rtn w4", "ppl phi → rtn w4 = 20"])
    #expect(throws: ScriptError.self) { try bench.run("ppl | expect below=20") }
  }

  @Test func bindingsNameWhatTheirPipeYields() throws {
    let bench = Bench()
    try bench.run("base = load phi; q = quantize rtn; $base; finetune numbers.jsonl; $q | ppl")
    #expect(bench.recorder.lines.last == "ppl phi → rtn w4 = 20")
    #expect(bench.session.model?.lineage == "phi → rtn w4")
  }

  @Test func reportsHaveFields() throws {
    let bench = Bench()
    try bench.run(
      "load phi; r = ppl; print $r.value $r.layers[0].error $r.nll; t = finetune numbers.jsonl")
    #expect(bench.recorder.values == ["10 0.25 0.5"])
    #expect(throws: ScriptError.self) { try bench.run("print $r.nil") }
  }

  @Test func labelledArmsStartFromTheSameModel() throws {
    let bench = Bench()
    try bench.run(
      """
      load phi
      { base: ppl
        "q → ft": quantize gptq | finetune numbers.jsonl | ppl }
      ppl
      """)
    #expect(
      bench.recorder.lines == [
        "ppl base: phi = 10", "quantize q → ft: phi → gptq w4",
        "finetune q → ft: phi → gptq w4 → lora 100", "ppl q → ft: phi → gptq w4 → lora 100 = 30",
        "ppl phi = 10",
      ])
    let table = try #require(bench.recorder.tables.first)
    #expect(table.rows.map(\.label) == ["base", "q → ft"])
    #expect(table.columns == ["label", "value", "nll", "data", "seconds", "model"])
    #expect(table.cells[1][1] == .number(30))
    #expect(table.json["model"] == "phi")
    #expect(table.json["columns"]?[1] == "value")
  }

  @Test func eachGivesTheSameShape() throws {
    let bench = Bench()
    try bench.run(
      "load phi; t = each $m in [gptq awq] { quantize $m; ppl }; print $t[awq].value $t.gptq.model")
    #expect(bench.recorder.tables.first?.rows.map(\.label) == ["gptq", "awq"])
    #expect(bench.recorder.values == ["20 phi → gptq w4"])
    #expect(bench.session.model?.lineage == "phi")
  }

  @Test func eachWithLabelsInterpolates() throws {
    let bench = Bench()
    try bench.run(
      #"""
      load phi
      each $m in [gptq awq] { "$m first": quantize $m | finetune numbers.jsonl | ppl
                              "$m last": finetune numbers.jsonl | quantize $m | ppl }
      """#)
    #expect(
      bench.recorder.tables.first?.rows.map(\.label) == [
        "gptq first", "gptq last", "awq first", "awq last",
      ])
  }

  @Test func nestedBlocksFlatten() throws {
    let bench = Bench()
    try bench.run("load phi; { a: each $b in [3 4] { quantize rtn bits=$b | ppl }; b: ppl }")
    let table = try #require(bench.recorder.tables.last)
    #expect(table.leaves.map(\.label) == ["a / 3", "a / 4", "b"])
    #expect(bench.recorder.reports.first?.label == "a / 3")
  }

  @Test func definitionsTakeArguments() throws {
    let bench = Bench()
    try bench.run(
      """
      two 3
      def two(bits, steps: int = 7) {
        load phi
        quantize gptq bits=$bits
        finetune numbers.jsonl steps=$steps
      }
      ppl
      two 8 steps=2 | ppl
      """)
    #expect(
      bench.recorder.lines.filter { $0.hasPrefix("ppl") } == [
        "ppl phi → gptq w3 → lora 7 = 30", "ppl phi → gptq w8 → lora 2 = 30",
      ])
  }

  @Test func definitionsStartFromTheCurrentModel() throws {
    let bench = Bench()
    try bench.run("def score() { quantize rtn; ppl }\nload phi; score; ppl")
    #expect(
      bench.recorder.lines == ["quantize phi → rtn w4", "ppl phi → rtn w4 = 20", "ppl phi = 10"])
  }

  /// A definition sees the names at the time of its call, so that one that is given below it is no mistake.
  @Test func definitionsSeeNamesBelowThem() throws {
    let bench = Bench()
    try bench.run("def show(n = $x) { print $n $y }\nx = 3; y = 4\nshow\nx = 5\nshow")
    #expect(bench.recorder.values == ["3 4", "5 4"])
    // Called before it is there, and not there at all.
    let early = bench.problems("def f() { print $z }\nf\nz = 1")
    #expect(early.map(\.message) == ["no variable `$z`"])
    #expect(early.first?.notes == ["in `f`, called on line 2"])
    // Within another: where it happened, and the call that began it.
    let within = bench.problems("def f() { print $z }\ndef g() { f }\n\ng\nz = 1")
    #expect(within.first?.notes == ["in `f`, called on line 2", "in `g`, called on line 4"])
    let never = bench.problems("def f() { print $z }\nf")
    #expect(never.map(\.message) == ["no variable `$z`"] && never.first?.notes == [])
  }

  @Test func resultsAreRecalled() throws {
    let bench = Bench()
    try bench.run("load phi; ppl", number: 1)
    try bench.run("quantize rtn; ppl", number: 2)
    try bench.run("print $_.value $1.value $2.value")
    #expect(bench.recorder.values == ["20 10 20"])
    #expect(throws: ScriptError.self) { try bench.run("print $7") }
  }

  @Test func interpolationOfEveryKind() throws {
    let bench = Bench()
    try bench.run(
      #"m = load phi; x = 4k; l = [a 2]; d = numbers.jsonl[:5]; r = ppl; print "$m|$x|$l|$d|$r|\$x""#
    )
    #expect(bench.recorder.values == ["phi|4k|a 2|numbers.jsonl[:5]|10|$x"])
  }

  @Test func parenthesesAreValues() throws {
    let bench = Bench()
    try bench.run("load phi; diverge (quantize rtn); ppl; diverge (load llama); diverge other")
    #expect(bench.recorder.reports.first { $0.verb == "diverge" }?.fields["from"] == "phi → rtn w4")
    #expect(bench.recorder.reports.last?.fields["from"] == "other")
    #expect(bench.session.model?.lineage == "phi")
  }

  @Test func aFailureKeepsWhatRanBefore() throws {
    let bench = Bench()
    let error = #expect(throws: ScriptError.self) {
      try bench.run(
        "load phi; quantize rtn\nbroken = org/data[:5]; ppl; expect above=1k; load llama")
    }
    #expect(error?.exitStatus == 1)
    #expect(error?.diagnostics.first?.line == 2)
    #expect(error?.diagnostics.first?.span?.text == "expect above=1k")
    #expect(bench.session.model?.lineage == "phi → rtn w4")
  }

  @Test func anInterruptKeepsTheLastGoodModel() throws {
    let bench = Bench()
    let error = #expect(throws: ScriptError.self) {
      try bench.run("load phi; quantize rtn | stop; load llama")
    }
    #expect(error?.exitStatus == 130)
    #expect(bench.session.model?.lineage == "phi → rtn w4")
    #expect(throws: ScriptError.self) { try bench.run("def f() { each $x in [1 2] { stop } }\nf") }
    try bench.run("ppl")
  }

  /// What could not finish leaves the current model alone and is at hand under a name.
  @Test func unfinishedModelsAreKeptAside() throws {
    let bench = Bench()
    #expect(bench.problems("$stopped").map(\.code) == ["bind.variable"])
    let error = #expect(throws: ScriptError.self) { try bench.run("load phi; half; load llama") }
    #expect(
      error?.help
        == "what ran before stands; the current model is `phi`, and `$stopped` is `phi → half`")
    #expect(bench.session.model?.lineage == "phi")
    #expect(bench.recorder.lines.last == "half phi → half")
    try bench.run("$stopped")
    #expect(bench.session.model?.lineage == "phi → half")
    // An interrupt that has nothing aside says nothing of it.
    let plain = #expect(throws: ScriptError.self) { try bench.run("stop") }
    #expect(plain?.help == "what ran before stands; the current model is `phi → half`")
  }

  @Test func argumentsReachTheScript() throws {
    let bench = Bench()
    try bench.session.apply { $0.arguments = ["phi", "3"] }
    try bench.run("load $args[0]; quantize rtn bits=$args[1]")
    #expect(bench.session.model?.lineage == "phi → rtn w3")
    #expect(throws: FakeFailure.self) { try bench.session.apply { $0.device = "cuda" } }
    #expect(bench.session.settings.device == "auto")
  }

  @Test func everyTypeConverts() throws {
    let bench = Bench()
    try bench.run(
      #"types ints=[1 2] number=0.5 size=24GiB time=5min rows=":4096" text=12 flag=yes share=5%"#)
    let fields = try #require(bench.recorder.reports.first?.fields)
    #expect(
      fields.map { $0.value.stringValue ?? "" } == [
        "[1 2]", "0.5", "24GiB", "300s", "\":4096\"", "12", "yes", "5%",
      ])
  }

  @Test func jsonHasTheCommonFields() throws {
    let bench = Bench()
    try bench.run("load phi; { a: ppl }")
    let json = try #require(bench.recorder.reports.first?.json)
    #expect(
      json.objectValue?.keys == [
        "verb", "label", "model", "device", "seconds", "value", "nll", "data", "layers",
      ])
    #expect(json["label"] == "a" && json["model"] == "phi" && json["device"] == "fake")
  }
}

@Suite struct SurvivalTests {
  /// Values that double with every line do not take the machine down.
  @Test func valuesStaySmall() {
    let doubling = (0..<60).map { _ in "s = \"$s$s\"; l = [$l $l]" }.joined(separator: "\n")
    let problems = Bench().problems("s = \"aaaaaaaa\"; l = [1]\n" + doubling)
    #expect(problems.contains { $0.message.contains("a string of more than 1 MiB") })
    #expect(problems.contains { $0.message.contains("a list of more than") })
  }

  @Test func checkingComesToAnEnd() {
    let list = "[" + (0..<300).map(String.init).joined(separator: " ") + "]"
    var script = "load phi\nl = \(list)\n"
    for name in ["a", "b", "c", "d"] { script += "each $\(name) in $l { " }
    script += "ppl" + String(repeating: " }", count: 4)
    #expect(Bench().problems(script).isEmpty)
    let doubling =
      "def f0() { ppl }\n"
      + (1..<40).map { "def f\($0)() { f\($0 - 1); f\($0 - 1) }" }.joined(separator: "\n")
    #expect(Bench().problems(doubling + "\nload phi; f39").isEmpty)
  }

  @Test func replacedModelsAreLetGo() throws {
    let bench = Bench()
    try bench.run("load phi; quantize rtn")
    #expect(bench.session.model?.lineage == "phi → rtn w4")
    #expect(throws: ScriptError.self) {
      try bench.run("load llama; ppl; expect above=1k; load phi")
    }
    #expect(bench.session.model?.lineage == "llama")
  }

  @Test func helpKnowsWhatTheScriptDefines() throws {
    let bench = Bench()
    try bench.run(
      "## Scores.\ndef score(n=2) { ppl }\nhelp score; help; defaults quantize bits=3; help quantize"
    )
    #expect(bench.recorder.reports[0].display.first == .text("score [n=2]"))
    // The first sentence stands in lists; the lines of a paragraph run on, and indented ones stay.
    try bench.run(
      "## Scores twice,\n## and again. More.\n##\n##  score\n##  score 3\n## End.\ndef more() { ppl }"
    )
    #expect(
      bench.session.describe("more", bench.session.scope).display == [
        .text("more"), .text(""), .text("Scores twice, and again. More."), .text(""),
        .text(" score\n score 3\nEnd."),
      ])
    #expect(bench.session.scope.functions["more"]?.definition.summary == "Scores twice, and again.")
    let shown = bench.recorder.reports[2].display
    #expect(shown.contains(.grid(Grid(rows: [["  bits=3", "set by this session"]]))))
    #expect(throws: ScriptError.self) { try bench.run("print $_") }
  }

  /// An example stands whole in a line of its own, below what it is for: a cut one cannot be copied.
  @Test func helpShowsExamplesWhole() throws {
    let bench = Bench()
    for verb in bench.session.verbs.all {
      try bench.run("help \(verb.name)")
      let shown = bench.recorder.reports.last?.display ?? []
      for example in verb.examples {
        let place = shown.lastIndex(of: .text("  \(example.script)"))
        #expect(place.map { shown[$0 - 1] } == .text("  # \(example.explanation)"), "\(verb.name)")
      }
    }
  }

  /// Every example of the session's own verbs runs.
  @Test func examplesRun() throws {
    var count = 0
    for verb in VerbRegistry(fakeVerbs).all {
      // Those that need the demo pack run in the tests of the verbs.
      for example in verb.examples where !(example.setup + example.script).contains("demo") {
        let bench = Bench()
        if !example.setup.isEmpty { try bench.run(example.setup) }
        try bench.run(example.script)
        count += 1
      }
    }
    #expect(count >= 6)
  }
}

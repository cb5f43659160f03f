import JSON
import Testing

@testable import Session

/// Columns of one's own choice, and what goes with them.
@Suite struct RowTests {
  @Test func aRowHasTheColumnsThatItNames() throws {
    let bench = Bench()
    try bench.run(
      "load phi; each $m in [rtn gptq] { quantize $m; p = ppl; row ppl=$p twice=2 stages=$model.stages }"
    )
    let table = try #require(bench.recorder.tables.last)
    #expect(table.columns == ["label", "ppl", "twice", "stages", "seconds", "model"])
    #expect(table.cells.map { $0[1] } == [.number(20), .number(20)])
    #expect(table.cells.map { $0[3] } == [.int(2), .int(2)])
    guard case .report(let report)? = table["gptq"] else {
      Issue.record("no report")
      return
    }
    #expect(report.value == 20 && report.headline == "ppl")
    #expect(report.json["value"] == .number(20) && report.json["ppl"] == .number(20))
    #expect(report.model == "phi → gptq w4")
  }

  /// Bindings inside of a block are for what follows there, and are not shown.
  @Test func namesInsideOfBlocksAreNotShown() throws {
    let bench = Bench()
    try bench.run("load phi; { p = ppl; row ppl=$p }")
    #expect(bench.recorder.lines.filter { $0.hasPrefix("ppl") }.isEmpty)
    try bench.run("p = ppl")
    #expect(bench.recorder.lines.last?.hasPrefix("ppl") == true)
  }

  @Test func theCurrentModelIsAVariable() throws {
    let bench = Bench()
    try bench.run("load phi; base = $model; quantize rtn; $model | ppl; $base | ppl")
    #expect(bench.recorder.lines.suffix(2) == ["ppl phi → rtn w4 = 20", "ppl phi = 10"])
    #expect(throws: ScriptError.self) { try Bench().run("x = $model") }
    // A name of one's own goes before it.
    try bench.run("model = 7; print $model")
    #expect(bench.recorder.values.last == "7")
  }

  @Test func tablesStandBelowEachOther() throws {
    let bench = Bench()
    try bench.run(
      "load phi; a = { x: ppl }; b = each $m in [rtn gptq] { quantize $m | ppl }; $a | table $b")
    #expect(bench.recorder.tables.last?.rows.map(\.label) == ["x", "rtn", "gptq"])
    #expect(throws: ScriptError.self) { try bench.run("$a | table $a") }
    #expect(throws: ScriptError.self) { try bench.run("$a | table 3") }
  }

  /// A single outer row tells nothing apart.
  @Test func labelsOfInnerTablesAreAsLongAsNeeded() throws {
    let bench = Bench()
    try bench.run("load phi; each $s in (range 1 from=42) { { a: ppl; b: quantize rtn | ppl } }")
    #expect(bench.recorder.tables.last?.leaves.map(\.label) == ["a", "b"])
    try bench.run("load phi; each $s in (range 2 from=42) { { a: ppl; b: quantize rtn | ppl } }")
    #expect(
      bench.recorder.tables.last?.leaves.map(\.label) == ["42 / a", "42 / b", "43 / a", "43 / b"])
  }

  /// What only some rows have stands behind what all have; nothing moves in a table of several verbs.
  @Test func columnsOfSomeRowsGoLast() throws {
    let bench = Bench()
    try bench.run(
      "load phi; { a: row ppl=1 some=2 more=3; b: row ppl=2 more=4 }")
    #expect(
      bench.recorder.tables.last?.columns == ["label", "ppl", "more", "seconds", "some", "model"])
  }

  @Test func aRowNeedsColumns() {
    #expect(throws: ScriptError.self) { try Bench().run("row") }
  }
}

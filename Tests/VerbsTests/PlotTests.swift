import Charts
import Evaluation
import FoundationEssentials
import JSON
import Session
import TestSupport
import Testing

@testable import Verbs

@Suite(.serialized) struct PlotTests {
  /// Perplexities of arms as `ppl` reports them.
  private static func table(_ arms: [(String, Double, quantized: Bool, trained: Bool)]) -> Table {
    Table(
      rows: arms.map { label, nll, quantized, trained in
        let scores = (0..<50).map { Score(nll: nll * 8 + Double($0 % 5) - 2, tokens: 8) }
        let result = Perplexity(
          dialect: "olive", text: "each row alone", scores: scores, seconds: 1)
        var report = Report(
          value: result.value, fields: JSONObject([("nll", .number(result.nll))]),
          evidence: PerplexityEvidence(
            data: "rows[0:50]", result: result, tokenizer: "t", isQuantized: quantized,
            isTrained: trained))
        report.verb = "ppl"
        return Table.Row(label: label, result: .report(report))
      }, model: "phi")
  }

  @Test func floatModelsBecomeLines() throws {
    let table = Self.table([
      ("base", 3.2, false, false), ("ft", 1.9, false, true), ("q → ft", 1.95, true, true),
      ("ft → q", 2, true, true),
    ])
    let chart = try ArmsChart(table, field: nil, whiskers: .documents, beginsAtZero: true).chart
    #expect(chart.bars.map(\.label) == ["q → ft", "ft → q"])
    #expect(chart.references.map(\.label) == ["base", "ft"])
    #expect(chart.references.map(\.style) == [.dashed, .solid])
    for bar in chart.bars {
      let interval = try #require(bar.interval)
      #expect(interval.contains(bar.value) && interval.lowerBound < bar.value)
    }
    #expect(chart.title == "perplexity of rows[0:50], phi")
    // All arms differ by a constant, so that pairing leaves nothing.
    let paired = try ArmsChart(table, field: nil, whiskers: .paired, beginsAtZero: true).chart
    #expect(paired.bars.allSatisfy { ($0.interval?.upperBound ?? 9) - $0.value < 1e-9 })
  }

  @Test func floatModelsAloneAreBars() throws {
    let table = Self.table([("base", 3.2, false, false), ("ft", 1.9, false, true)])
    let chart = try ArmsChart(table, field: nil, whiskers: .no, beginsAtZero: true).chart
    #expect(chart.bars.count == 2 && chart.references.isEmpty)
    #expect(chart.bars.allSatisfy { $0.interval == nil })
  }

  @Test func fieldsAndMistakes() throws {
    let table = Self.table([("a", 3, true, false)])
    let chart = try ArmsChart(table, field: "nll", whiskers: .no, beginsAtZero: true).chart
    #expect(abs((chart.bars.first?.value ?? 0) - 3) < 1e-12 && chart.quantity == "nll")
    #expect(throws: NoNumbers.self) {
      try ArmsChart(table, field: "bits", whiskers: .no, beginsAtZero: true)
    }
    let bench = try Workbench()
    #expect(bench.failure("plot").map(\.code) == ["bind.input"])
    #expect(
      bench.failure("use demo; load phi; ppl tiny-codes[5000:5002] | plot file=chart.png")
        .map(\.message) == ["a chart is written as SVG"])
    #expect(
      bench.failure("use demo; load phi; ppl tiny-codes[5000:5002] | plot file=/nowhere/a.svg")
        .first?.message.hasPrefix("the folder `/nowhere` cannot be written") == true)
    // Refused before anything ran.
    #expect(bench.reports.isEmpty)
  }

  @Test func passesOnWhatItDraws() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let bench = try Workbench()
    try bench.run(
      """
      use demo; load phi
      { base: ppl tiny-codes[5000:5006]
        rtn:  quantize rtn bits=3 | ppl tiny-codes[5000:5006] } | plot file=\(folder)/a.svg | verdict
      """)
    #expect(bench.reports.map(\.verb).suffix(2) == ["plot", "verdict"])
    let plot = try #require(bench.reports.first { $0.verb == "plot" }).json
    #expect(plot["bars"]?[0]?["label"] == "rtn" && plot["lines"]?[0]?["style"] == "dashed")
    let svg = String(
      decoding: try Data(contentsOf: URL(filePath: "\(folder)/a.svg")), as: UTF8.self)
    #expect(svg.hasPrefix("<svg ") && svg.contains("Dashed line: base"))
    // Recalling shows the chart alone, not the table again.
    let shown = (bench.tables.count, bench.reports.count)
    try bench.run("{ a: ppl tiny-codes[5000:5002] }")
    try bench.run("plot")
    #expect(bench.tables.count == shown.0 + 1 && bench.reports.count == shown.1 + 2)
  }

  @Test func lossesAndLayers() throws {
    let bench = try Workbench()
    try bench.run(
      "use demo; load phi; quantize rtn bits=3; plot error; finetune tiny-codes steps=2 batch=2 length=64 eval=no; plot"
    )
    let plots = bench.reports.filter { $0.verb == "plot" }.map(\.json)
    try #require(plots.count == 2)
    #expect(plots[0]["bars"]?.arrayValue?.count == 24)
    #expect(plots[0]["bars"]?[0]?["label"]?.stringValue == "0 self_attn.qkv_proj")
    #expect(plots[1]["curves"]?[0]?["points"]?.arrayValue?.count == 2)
  }
}

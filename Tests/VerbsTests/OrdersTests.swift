import FoundationEssentials
import JSON
import Session
import TestSupport
import Testing

@testable import Verbs

/// The whole experiment through the language, on a few rows.
@Suite(.serialized)
struct OrdersTests {
  let folder: String

  /// A model of the demo's kind, small enough for every order in a debug build.
  init() throws {
    folder = try Shared.temporaryFolder()
    let demo = "\(Shared.root)/stdlib/demo/phi"
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
      try FileManager.default.copyItem(atPath: "\(demo)/\(name)", toPath: "\(folder)/\(name)")
    }
    let config = try Data(contentsOf: URL(filePath: "\(demo)/config.json"))
    guard var object = try JSON.parse(String(decoding: config, as: UTF8.self)).objectValue else {
      return
    }
    for (key, value) in [
      ("hidden_size", 64), ("intermediate_size", 128), ("num_attention_heads", 2),
      ("num_key_value_heads", 1), ("num_hidden_layers", 2),
    ] { object[key] = .int(value) }
    try Data(JSON.object(object).text().utf8).write(to: URL(filePath: "\(folder)/config.json"))
  }

  var setup: String {
    """
    use demo; load \(folder) weights=random
    mini = dataset ROOT/stdlib/demo/tiny-codes.jsonl.gz template="### Question: {prompt} \\n### Answer: {response}" train=":32" eval="40:42" test="5000:5004"
    defaults finetune batch=2 length=64 rank=4
    defaults quantize length=64

    """
  }

  @Test func everyOrderWithOneMethod() throws {
    let bench = try Workbench()
    try bench.run(
      setup
        + "orders [rtn] data=mini general=wikitext.test[:200] steps=2 bits=3 group=64 samples=2 rows=2"
    )
    let table = try #require(bench.tables.last)
    let labels = table.leaves.map(\.label)
    #expect(
      labels == [
        "base", "fine-tuned", "rtn / q", "rtn / q → ft", "rtn / ft → q", "rtn / ft → merge → q",
        "rtn / q → ft → merge", "rtn / q → merge-aware ft", "rtn / q → cloq → ft",
      ])
    for column in ["ppl", "general", "kl", "top1", "bits", "bytes", "adapter", "seconds"] {
      #expect(table.columns.contains(column), "no column \(column)")
    }
    func cell(_ label: String, _ column: String) -> JSON? {
      guard let row = labels.firstIndex(of: label),
        let place = table.columns.firstIndex(of: column)
      else { return nil }
      return table.cells[row][place]
    }
    #expect(cell("fine-tuned", "kl")?.doubleValue == 0)
    #expect(cell("fine-tuned", "top1")?.doubleValue == 1)
    // Nothing was there before; an arm's stages are counted with those that it shares.
    #expect(labels.allSatisfy { cell($0, "cached")?.stringValue?.hasPrefix("0 of") ?? true })
    // What ships an adapter, and what fits its size.
    let adapters = labels.map { cell($0, "adapter") == true }
    #expect(adapters == [false, true, false, true, true, false, false, false, true])
    let bits = labels.compactMap { cell($0, "bits")?.doubleValue }
    #expect(bits.prefix(2).allSatisfy { $0 >= 16 } && bits.dropFirst(2).allSatisfy { $0 < 4 })
    let bytes = labels.compactMap { cell($0, "bytes")?.doubleValue }
    #expect(bytes[2] == bytes[5] && bytes[2] == bytes[7] && bytes[3] > bytes[2])
    // Two steps of training change too little for a merge into three bits to show: nearly the quantized model.
    #expect(cell("rtn / q → ft → merge", "ppl") != cell("rtn / q → ft", "ppl"))
    // The verdict: each arm with the float fine-tuned one, and each order with the best.
    let verdict = try #require(bench.last)
    #expect(verdict.verb == "verdict")
    let comparisons = verdict.json["comparisons"]?.arrayValue ?? []
    #expect(comparisons.count { $0["kind"] == "reference" } == 8)
    #expect(comparisons.count { $0["kind"] == "order" } == 6)
    #expect(verdict.json["corrected_for"]?.intValue == 8 + 21)
    #expect(bench.reports.contains { $0.verb == "plot" })
  }

  /// The arms say what they do: one by hand is the same number, also to the last bit where the same windows go together.
  @Test func anArmByHandIsTheSame() throws {
    let bench = try Workbench()
    try bench.run(
      setup
        + """
        a = lattice [rtn] mini wikitext.test[:200] steps=2 group=64 samples=2 rows=2
        base = $model
        tuned = finetune mini steps=2 eval=no
        $base | quantize rtn group=64 samples=2 | finetune mini steps=2 eval=no | ppl mini from=$tuned compared=2
        """)
    let table = try #require(bench.tables.last)
    guard case .report(let arm)? = table.leaves.first(where: { $0.label == "rtn / q → ft" })?.result
    else {
      Issue.record("no arm")
      return
    }
    #expect(arm.value == bench.last?.value)
  }

  /// A second run finds all that it is made of, and its numbers are those of a run without the cache, bit for bit.
  @Test func aSecondRunIsTheSame() throws {
    let shared = try CacheTests.OneCache()
    let script =
      setup
      + "lattice [rtn] mini wikitext.test[:200] steps=2 bits=3 group=64 samples=2 rows=2"
    func leaves(_ bench: Workbench) throws -> [Report] {
      try bench.run(script)
      return try #require(bench.tables.last).leaves.compactMap { leaf in
        guard case .report(let report) = leaf.result else { return nil }
        return report
      }
    }
    func numbers(_ reports: [Report]) -> [[JSON?]] {
      reports.map { report in
        ["ppl", "general", "kl", "top1", "bits", "bytes", "adapter", "steps", "changed", "cosine"]
          .map { report.fields[$0] }
      }
    }
    let plain = try leaves(Workbench())
    let first = try leaves(shared.bench())
    let second = try leaves(shared.bench())
    #expect(plain.count == 9)
    #expect(numbers(plain) == numbers(first) && numbers(plain) == numbers(second))
    for (one, two) in zip(plain, second) {
      #expect(
        (one.evidence as? PerplexityEvidence)?.result.scores
          == (two.evidence as? PerplexityEvidence)?.result.scores)
    }
    // q → ft → merge: the reference's training; quantizing, training, merging; two measurements.
    #expect(first[6].fields["cached"] == "0 of 6")
    #expect(second[6].fields["cached"] == "6 of 6")
    #expect(
      second[6].fields["from_cache"]
        == ["quantize", "finetune", "merge", "finetune", "ppl", "ppl"])
    let alone = second.compactMap { $0.fields["alone"]?.doubleValue }
    #expect(alone.count == 9 && alone.allSatisfy { $0 > 0 })
  }

  /// Killed again and again, it comes to what it is in one go: every arm, the chart, the verdict.
  @Test(.enabled(if: OlvProgram.path != nil, "the program is built with the tests"))
  func aKilledRunGoesOn() throws {
    let script =
      setup.replacing("ROOT", with: Shared.root)
      + "orders [rtn] data=mini general=wikitext.test[:200] steps=2 bits=3 group=64 samples=2 rows=2"
    let place = try Shared.temporaryFolder()
    defer { Shared.remove(place) }
    let start = ContinuousClock.now
    let whole = try #require(
      try OlvProgram.run(["--no-cache \(OlvProgram.line(script))"], in: place).first)
    #expect(whole.status == 0, "\(whole.errors)")
    let seconds = start.duration(to: .now) / .seconds(1)
    let pieces = try ResumeTests.inPieces(script, longest: seconds, in: place)
    #expect(Self.results(pieces.reports) == Self.results(whole.reports))
    #expect(pieces.killed > 0)
  }

  /// The numbers of a run: those of each arm by its label, and what is said of them all.
  private static func results(_ reports: [JSON]) -> [JSON] {
    let ownTimes: Set = ["seconds", "cached", "alone"]
    return ResumeTests.numbers(reports).compactMap { report in
      switch report["verb"]?.stringValue {
      case "verdict", "plot": return report
      case "table":
        let columns = (report["columns"]?.arrayValue ?? []).compactMap(\.stringValue)
        return .array(
          (report["rows"]?.arrayValue ?? []).map { row in
            .object(
              JSONObject(
                zip(columns, row.arrayValue ?? []).filter { !ownTimes.contains($0.0) }
                  .map { ($0.0, $0.1) }))
          })
      default: return nil
      }
    }
  }

  @Test func seedsAddTheNoiseFloor() throws {
    let bench = try Workbench()
    try bench.run(
      setup
        + "orders [rtn] data=mini general=wikitext.test[:200] steps=1 group=64 samples=2 rows=1 seeds=2"
    )
    let verdict = try #require(bench.last)
    #expect(verdict.json["repetitions"]?.intValue == 2)
    let comparisons = verdict.json["comparisons"]?.arrayValue ?? []
    #expect(comparisons.count == 14)
    #expect(comparisons.allSatisfy { $0["noise_floor"]?.doubleValue != nil })
    // The base is the same whatever the seed, the fine-tuned model is not.
    #expect(
      comparisons.first { $0["arm"] == "base" }?["noise_floor"]?.doubleValue.map { $0 > 0 } == true)
    #expect(bench.tables.last?.leaves.count == 18)
  }

  @Test func whatIsMissingIsFoundBeforeAnythingRuns() throws {
    let bench = try Workbench()
    #expect(!bench.failure("use demo; load phi; orders [gtpq]").isEmpty)
    #expect(!bench.failure("use demo; load phi; orders [rtn] data=nothing-here").isEmpty)
    #expect(!bench.failure("use demo; load phi; orders rtn").isEmpty)
    #expect(bench.reports.isEmpty)
  }
}

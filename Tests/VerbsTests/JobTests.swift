import FoundationEssentials
import JSON
import Session
import TestSupport
import Testing

/// The main job through the language, on the demo pack.
@Suite(.serialized)
struct JobTests {
  @Test func mainJob() throws {
    let bench = try Workbench()
    try bench.run(
      "use demo; load phi; quantize gptq samples=8; finetune tiny-codes steps=10 lr=2e-3 eval=no; ppl tiny-codes[5000:5020]"
    )
    #expect(bench.reports.map(\.verb) == ["load", "quantize", "finetune", "ppl"])
    let quantize = bench.reports[1].json
    #expect(quantize["layers"]?.arrayValue?.count == 24)
    #expect((quantize["bits_per_weight"]?.doubleValue ?? 0) > 4)
    #expect((quantize["bits_per_weight"]?.doubleValue ?? 9) < 4.5)
    let loss = bench.reports[2].json["loss"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    #expect(loss.count == 10)
    // Batches differ; a few of them together show the way.
    #expect(loss.suffix(3).reduce(0, +) < loss.prefix(3).reduce(0, +))
    let ppl = bench.reports[3].json
    for key in [
      "verb", "label", "model", "device", "seconds", "value", "nll", "tokens", "documents",
      "protocol",
    ] {
      #expect(ppl[key] != nil, "ppl has no \(key)")
    }
    #expect(ppl["documents"]?.intValue == 20)
    #expect(ppl["model"]?.stringValue?.contains("gptq") == true)
    #expect(ppl["pack"]?.stringValue == "demo")
  }

  @Test func branchesStartFromTheSameModel() throws {
    let bench = try Workbench()
    try bench.run(
      "use demo; load phi; { a: ppl tiny-codes[5000:5004]; b: quantize rtn bits=2 | ppl tiny-codes[5000:5004]; c: ppl tiny-codes[5000:5004] }"
    )
    let table = try #require(bench.tables.last)
    let values = table.rows.compactMap { row -> Double? in
      if case .report(let report) = row.result { return report.value }
      return nil
    }
    try #require(values.count == 3)
    #expect(values[0] == values[2])
    #expect(values[1] != values[0])
  }

  @Test func sameSeedSameBytes() throws {
    func loss(_ seed: Int, setBefore: Bool = false) throws -> [Double] {
      let bench = try Workbench()
      let (before, given) = setBefore ? ("seed \(seed); ", "") : ("", "seed=\(seed)")
      try bench.run(
        "use demo; \(before)load phi; finetune tiny-codes steps=3 batch=2 length=64 eval=no \(given)"
      )
      return bench.last?.json["loss"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    }
    let first = try loss(1)
    #expect(first.count == 3)
    #expect(try loss(1) == first)
    #expect(try loss(2) != first)
    #expect(try loss(1, setBefore: true) == first)
  }

  @Test(arguments: [
    "rtn bits=3 group=none", "gptq samples=4 order=act", "awq samples=4 bits=8",
    "rtn bits=2 group=32 symmetric=yes",
  ])
  func quantizedModelsComeBackFromDisk(_ method: String) throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = try Workbench()
    try bench.run(
      """
      use demo; load phi; quantize \(method)
      finetune tiny-codes steps=1 batch=2 length=64 eval=no
      ppl tiny-codes[5000:5004]
      save \(folder)/model
      load \(folder)/model
      ppl tiny-codes[5000:5004]
      """)
    let values = bench.reports.filter { $0.verb == "ppl" }.compactMap(\.value)
    try #require(values.count == 2)
    #expect(values[0] == values[1])
  }

  @Test func adapterSurvivesQuantizationOfItsBase() throws {
    let bench = try Workbench()
    try bench.run(
      "use demo; load phi; finetune tiny-codes steps=1 batch=2 length=64 eval=no; quantize rtn; inspect layers"
    )
    let layers = bench.last?.json["layers"]?.arrayValue ?? []
    #expect(layers.count == 24)
    #expect(layers.allSatisfy { $0["adapter_rank"]?.intValue == 64 })
    #expect(layers.allSatisfy { $0["type"]?.stringValue?.hasPrefix("4 bits") == true })
  }
}

import FoundationEssentials
import Language
import TestSupport
import Testing

@testable import Session

/// What runs but misleads is said each time: when it is worked on, and when the cache has it.
@Suite(.serialized) struct WarningTests {
  static let train = "finetune tiny-codes[:40] eval=no steps=1 batch=1 length=16"
  static let calibrate = "quantize gptq data=tiny-codes[:40] samples=2 length=16"

  @Test(arguments: [
    (
      "finetune tiny-codes[:40] eval=tiny-codes[30:50] steps=1 batch=1 length=16", "data.trained-on"
    ),
    ("\(train); ppl tiny-codes[38:42]", "data.trained-on"),
    ("base = $model; \(train); diverge tiny-codes[38:42] from=$base", "data.trained-on"),
    ("\(train); merge; ppl tiny-codes[38:42]", "data.trained-on"),
    ("\(calibrate); ppl tiny-codes[0:2]", "calibration.few-tokens data.calibrated-on"),
    (
      "\(calibrate); finetune tiny-codes[50:90] eval=tiny-codes[0:2] steps=1 batch=1 length=16",
      "calibration.few-tokens data.calibrated-on"
    ),
    (
      "{ a: ppl tiny-codes[5000:5001]; b: ppl tiny-codes[5000:5001] length=32 }", "compare.protocol"
    ),
    (
      "{ a: ppl tiny-codes[5000:5001]; b: load llama | ppl tiny-codes[5000:5001] }",
      "compare.tokenizer"
    ),
  ])
  func coldAndCached(_ script: String, _ codes: String) throws {
    let shared = try CacheTests.OneCache()
    var found: [[Diagnostic]] = []
    for run in ["cold", "cached"] {
      let bench = try shared.bench().run("use demo; load phi; \(script)")
      #expect(bench.warnings.map(\.code).joined(separator: " ") == codes, "\(run)")
      #expect(bench.warnings.allSatisfy { $0.span != nil && $0.help != nil })
      let reports = bench.reports + bench.tables.flatMap(\.reports)
      #expect(reports.contains { $0.cachedSeconds != nil } == (run == "cached"))
      found.append(bench.warnings)
    }
    #expect(found[0].map(\.message) == found[1].map(\.message))
    #expect(found[0].map(\.span?.start) == found[1].map(\.span?.start))
  }

  /// A number that was stored when nothing was known against it.
  @Test func whatTheSessionKnowsIsNotStored() throws {
    let shared = try CacheTests.OneCache()
    let copy = "\(shared.folder)/copy.jsonl.gz"
    try FileManager.default.copyItem(
      atPath: "\(Shared.root)/stdlib/demo/tiny-codes.jsonl.gz", toPath: copy)
    let own = "ROOT/stdlib/demo/tiny-codes.jsonl.gz"
    func script(_ path: String) -> String {
      """
      use demo; load phi
      seen = dataset \(path) template="{prompt}"; own = dataset \(own) template="{prompt}"
      quantize gptq data=$seen[:40] samples=2 length=16; ppl $own[0:2]
      """
    }
    // The same rows by another file: nobody can tell.
    let first = try shared.bench().run(script(copy))
    #expect(first.warnings.map(\.code) == ["calibration.few-tokens"])
    let second = try shared.bench().run(script(own))
    #expect(second.last?.cachedSeconds != nil)
    #expect(second.warnings.map(\.code) == ["calibration.few-tokens", "data.calibrated-on"])
  }

  /// Once for each input, not once for each session.
  @Test func everyInputIsWarnedOf() throws {
    let bench = try Workbench().run("use demo; load phi; \(Self.train)")
    try bench.run("ppl tiny-codes[38:40]; ppl tiny-codes[38:40]")
    try bench.run("ppl tiny-codes[38:40]")
    #expect(bench.warnings.map(\.code) == Array(repeating: "data.trained-on", count: 3))
  }
}

extension Table {
  fileprivate var reports: [Report] {
    rows.compactMap { row in
      if case .report(let report) = row.result { return report }
      return nil
    }
  }
}

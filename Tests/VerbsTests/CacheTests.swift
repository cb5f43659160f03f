import Cache
import FoundationEssentials
import JSON
import Tensor
import TestSupport
import Testing

@testable import Session
@testable import Verbs

/// Stages through the cache, on the demo pack.
@Suite(.serialized)
struct CacheTests {
  /// A folder for a cache, and sessions that share it.
  final class OneCache {
    let folder: String
    init() throws { folder = try Shared.temporaryFolder() }
    deinit { Shared.remove(folder) }

    func bench(storesAll: Bool = true) throws -> Workbench {
      let bench = try Workbench(environment: [
        "HF_HOME": "/nonexistent", "OLV_CACHE": "\(folder)/cache",
      ])
      bench.session.storesAll = storesAll
      return bench
    }

    /// The files of all entries with this name.
    func files(_ name: String) throws -> [String] {
      let entries = "\(folder)/cache/entries"
      return try FileManager.default.subpathsOfDirectory(atPath: entries)
        .filter { $0.hasSuffix("/\(name)") }.map { "\(entries)/\($0)" }
    }
  }

  /// Everything of a report that is not about when it was made.
  static func numbers(_ report: Report) -> JSON {
    guard case .object(var object) = report.json else { return .null }
    for key in ["seconds", "tokens_per_second", "cached", "cached_seconds"] { object[key] = nil }
    return .object(object)
  }

  static let job = """
    use demo; base = load phi
    quantize METHOD
    finetune tiny-codes steps=12 batch=1 length=16 eval=tiny-codes[4096:4098]
    ppl tiny-codes[5000:5006]
    diverge tiny-codes[5000:5003] from=$base
    """

  /// Cached results are those of the work, bit for bit: reports, evidence, and what is computed on from them.
  @Test(arguments: [
    "gptq samples=1 length=64 order=act symmetric=yes",
    "awq samples=1 length=64 skip=[down_proj] bits=8",
  ])
  func cachedIsTheSame(_ method: String) throws {
    let shared = try OneCache()
    let script = Self.job.replacing("METHOD", with: method)
    let plain = try Workbench().run(script)
    let first = try shared.bench().run(script)
    let second = try shared.bench().run(script)
    #expect(plain.reports.map(Self.numbers) == first.reports.map(Self.numbers))
    #expect(plain.reports.map(Self.numbers) == second.reports.map(Self.numbers))
    #expect(first.reports.allSatisfy { $0.cachedSeconds == nil })
    #expect(second.reports.map { $0.cachedSeconds != nil } == [false, true, true, true, true])
    for (one, two) in zip(first.reports, second.reports) {
      #expect(one.display == two.display)
      if let took = two.cachedSeconds { #expect(abs(took - one.seconds) < 1) }
      let (left, right) = (
        one.evidence as? PerplexityEvidence, two.evidence as? PerplexityEvidence
      )
      #expect(left?.result.scores == right?.result.scores)
      #expect((left == nil) == (right == nil))
    }
    // What is computed on from a model out of the cache.
    let more = "ppl tiny-codes[5000:5002]; merge requantize=yes; ppl tiny-codes[5000:5003]"
    try plain.run(more)
    try second.run(more)
    #expect(second.reports.suffix(3).allSatisfy { $0.cachedSeconds == nil })
    #expect(plain.reports.suffix(3).map(Self.numbers) == second.reports.suffix(3).map(Self.numbers))
  }

  /// What several stages have in common is computed once, and what is made of it is the same, bit for bit: the reference's
  /// states for every model compared with it, the float model's Hessians for every method and number of bits.
  @Test func partsThatStagesShare() throws {
    let shared = try OneCache()
    let script = """
      use demo; base = load phi
      defaults quantize samples=2 length=64
      each $b in [3 8] { quantize awq bits=$b | diverge tiny-codes[5000:5003] from=$base }
      quantize gptq sequential=no; diverge tiny-codes[5000:5003] from=$base
      """
    let plain = try Workbench().run(script)
    let cached = try shared.bench().run(script)
    #expect(plain.reports.map(Self.numbers) == cached.reports.map(Self.numbers))
    let store = try #require(cached.session.host.store)
    let parts = store.entries().filter { ["reference states", "hessians"].contains($0.key.kind) }
    #expect(Set(parts.map(\.key.kind)).count == 2 && parts.count == 2)
    // Each was found by the two that came after the first.
    #expect(parts.allSatisfy { $0.hits == 2 })
    try cached.run("cache")
    let listed = cached.last?.json["entries"]?.arrayValue ?? []
    for kind in ["reference states", "hessians"] {
      #expect(listed.contains { $0["verb"] == .string(kind) && $0["model"] == "phi" })
    }
    // Another text is another entry, and `cache why` says what differs.
    try cached.run("diverge tiny-codes[5001:5003] from=$base; cache why")
    let misses = cached.last?.json["misses"]?.arrayValue ?? []
    #expect(
      misses.contains {
        $0["verb"] == "reference states" && $0["why"] == "the rows changed"
      })
    // What is damaged is computed again, to the same.
    for (kind, name) in [("reference states", "states"), ("hessians", "statistics")] {
      let path = try #require(try shared.files("\(name).safetensors").first, "\(kind)")
      try Shared.resize(path, to: 40)
    }
    let again = try shared.bench().run(
      "use demo; base = load phi; defaults quantize samples=2 length=64\n"
        + "quantize awq bits=4; diverge tiny-codes[5000:5003] from=$base")
    let fresh = try Workbench().run(
      "use demo; base = load phi; defaults quantize samples=2 length=64\n"
        + "quantize awq bits=4; diverge tiny-codes[5000:5003] from=$base")
    // But for a word about the damage.
    #expect(again.reports[1].json["notes"] != fresh.reports[1].json["notes"])
    func results(_ bench: Workbench) -> [JSON] {
      bench.reports.map { report in
        guard case .object(var object) = Self.numbers(report) else { return .null }
        object["notes"] = nil
        return .object(object)
      }
    }
    #expect(results(again) == results(fresh))
  }

  /// What is saved of a model out of the cache is the same, file by file.
  @Test func savedIsTheSame() throws {
    let shared = try OneCache()
    let script = """
      use demo; load llama; quantize awq samples=2
      finetune tiny-codes steps=1 batch=2 length=64 eval=no; save \(shared.folder)/
      """
    for name in ["one", "two"] {
      let bench = try shared.bench().run(script + name)
      #expect((bench.reports[1].cachedSeconds != nil) == (name == "two"))
    }
    for file in [
      "model.safetensors", "adapter/adapter_model.safetensors", "olv.json", "config.json",
    ] {
      let contents = try ["one", "two"].map {
        try Data(contentsOf: URL(filePath: "\(shared.folder)/\($0)/\(file)"))
      }
      #expect(contents[0] == contents[1], "\(file)")
    }
  }

  /// A chain whose every stage is cached reads no weights of any of them.
  @Test func nothingIsReadThatIsNotUsed() throws {
    let shared = try OneCache()
    let script = "use demo; load phi; quantize rtn; ppl tiny-codes[5000:5002]"
    try shared.bench().run(script)
    let again = try shared.bench().run(script)
    #expect(again.reports[1].cachedSeconds != nil && again.reports[2].cachedSeconds != nil)
    let model = try #require(again.session.model as? LoadedModel)
    #expect(model.modelIfRead == nil)
    #expect(model.lineage == "phi → rtn w4 g128")
    #expect(model.fields["quantized"] == true)
    // Used after all.
    try again.run("inspect layers")
    #expect(model.modelIfRead != nil)
    #expect(again.last?.json["layers"]?[0]?["error"] != nil)
  }

  /// Damage in a stored model is noticed when the model is used; it is then made again.
  @Test func damagedModelsAreMadeAgain() throws {
    let shared = try OneCache()
    let script = "use demo; load phi; quantize rtn; "
    try shared.bench().run(script)
    let file = try #require(try shared.files("model.safetensors").first)
    var bytes = try Data(contentsOf: URL(filePath: file))
    bytes[bytes.count / 2] ^= 4
    try bytes.write(to: URL(filePath: file))
    let bench = try shared.bench().run(script + "ppl tiny-codes[5000:5002]")
    let plain = try Workbench().run(script + "ppl tiny-codes[5000:5002]")
    #expect(bench.last?.value == plain.last?.value)
    // The entry is gone.
    #expect(try shared.bench().run(script).last?.cachedSeconds == nil)
    #expect(try shared.bench().run(script).last?.cachedSeconds != nil)
  }

  @Test func damagedEntriesAreSaidAndRecomputed() throws {
    let shared = try OneCache()
    let script = "use demo; load phi; ppl tiny-codes[5000:5002]"
    let value = try shared.bench().run(script).last?.value
    let file = try #require(try shared.files("entry").first)
    var bytes = try Data(contentsOf: URL(filePath: file))
    bytes[bytes.count / 2] ^= 4
    try bytes.write(to: URL(filePath: file))
    let bench = try shared.bench().run(script)
    #expect(bench.last?.value == value)
    #expect(bench.last?.cachedSeconds == nil)
    #expect(bench.last?.notes.contains { $0.contains("damaged") } == true)
    try bench.run("cache why")
    #expect(bench.last?.json["misses"]?[0]?["why"]?.stringValue?.contains("damaged") == true)
  }

  /// Each change makes another key, and nothing else does.
  @Test func everythingThatMattersIsInTheKey() throws {
    let shared = try OneCache()
    let start = "use demo; load phi; "
    func isCached(_ script: String, compute: String = "auto") throws -> Bool {
      let bench = try shared.bench()
      try bench.session.apply { $0.compute = compute }
      return try bench.run(start + script).last?.cachedSeconds != nil
    }
    let stage = "finetune tiny-codes steps=1 batch=2 length=64 eval=no"
    #expect(try !isCached(stage))
    #expect(try isCached(stage))
    // Written otherwise, and with a default spelled out.
    #expect(try isCached("finetune steps=1 data=tiny-codes length=64 batch=2 eval=no rank=64"))
    for change in ["seed=7", "lr=1e-3", "rank=8", "log=1", "dropout=0.1"] {
      #expect(try !isCached("\(stage) \(change)"), "\(change)")
    }
    #expect(try !isCached(stage.replacing("tiny-codes", with: "tiny-codes[:100]")))
    // Without bf16 products f32 is what was computed all along.
    let hasBF16 = try CPUBackend(threads: 1).supports(.bf16)
    #expect(try isCached(stage, compute: "f32") == !hasBF16)
    #expect(try !isCached("load phi dtype=f32; " + stage))
    #expect(try !isCached("load phi weights=random; " + stage))
    #expect(try !isCached("load phi weights=random seed=7; " + stage))
    #expect(try isCached("load phi weights=random seed=7; " + stage))
    #expect(try !isCached("quantize rtn; " + stage))
    #expect(try !isCached("quantize rtn bits=3; " + stage))
    #expect(try isCached("quantize rtn bits=3; " + stage))
    #expect(try isCached(stage))
  }

  /// Rows and weights count by their content, wherever they lie.
  @Test func contentCounts() throws {
    let shared = try OneCache()
    func rows(_ text: String, _ name: String) throws {
      try Shared.makeFolder("\(shared.folder)/\(name)")
      try Shared.write(
        (0..<4).map { "{\"text\": \"\(text) \($0) and so on\"}\n" }.joined(),
        to: "\(shared.folder)/\(name)/rows.jsonl")
    }
    func isCached(_ name: String) throws -> Bool {
      let script = "use demo; load phi; d = dataset \(shared.folder)/\(name)/rows.jsonl; ppl $d"
      return try shared.bench().run(script).last?.cachedSeconds != nil
    }
    try rows("one", "a")
    #expect(try !isCached("a"))
    #expect(try isCached("a"))
    try rows("one", "b")
    #expect(try isCached("b"))
    try rows("two", "a")
    #expect(try !isCached("a"))
  }

  @Test func itCanBeTurnedOff() throws {
    let shared = try OneCache()
    let script = "use demo; load phi; ppl tiny-codes[5000:5002]"
    try shared.bench().run("cache off; " + script)
    #expect(!FileManager.default.fileExists(atPath: "\(shared.folder)/cache/entries"))
    try shared.bench().run(script)
    let bench = try shared.bench().run("cache off; " + script)
    #expect(bench.last?.cachedSeconds == nil)
    try bench.run("cache on; ppl tiny-codes[5000:5002]")
    #expect(bench.last?.cachedSeconds != nil)
  }

  @Test func aCacheThatCannotBeWrittenIsSaidOnce() throws {
    let shared = try OneCache()
    // A file where the folder should be.
    try Shared.write("", to: "\(shared.folder)/cache")
    let bench = try shared.bench().run(
      "use demo; load phi; ppl tiny-codes[5000:5002]; ppl tiny-codes[5000:5003]")
    #expect(bench.reports[1].notes.filter { $0.contains("could not be written") }.count == 1)
    #expect(bench.reports[2].notes.isEmpty)
  }

  /// Cheap stages are not worth a file.
  @Test func cheapStagesAreNotStored() throws {
    let shared = try OneCache()
    try shared.bench(storesAll: false).run(
      "use demo; load phi; finetune tiny-codes steps=1 batch=1 length=8 rank=1 targets=[o_proj] eval=no; drop adapter"
    )
    let bench = try shared.bench().run("cache")
    #expect((bench.last?.json["count"]?.intValue ?? 9) <= 1)
  }

  @Test func listAndWhy() throws {
    let shared = try OneCache()
    let script = "use demo; load phi; quantize rtn bits=BITS; ppl tiny-codes[5000:5002]"
    try shared.bench().run(script.replacing("BITS", with: "4"))
    try shared.bench().run(script.replacing("BITS", with: "3"))
    let bench = try shared.bench().run("cache why")
    let misses = bench.last?.json["misses"]?.arrayValue ?? []
    try #require(misses.count == 2)
    #expect(misses[0]["why"] == "bits is `3`, was `4`")
    #expect(misses[0]["changed"]?[0]?["part"] == "bits")
    #expect(misses[1]["changed"]?.arrayValue?.compactMap { $0["part"]?.stringValue } == ["model"])
    #expect(misses[1]["why"]?.stringValue?.contains("phi → rtn w4 g128") == true)
    try bench.run("cache limit=1GiB")
    let list = try #require(bench.last?.json)
    #expect(list["count"] == 4 && list["limit"] == 1_073_741_824)
    #expect(
      Set(list["entries"]?.arrayValue?.compactMap { $0["verb"]?.stringValue } ?? []) == [
        "quantize", "ppl",
      ])
    #expect(
      list["entries"]?.arrayValue?.allSatisfy { $0["model"]?.stringValue?.hasPrefix("phi") == true }
        == true)
    // What a smaller limit takes away is said, and that none is kept any more.
    #expect(bench.last?.notes == [])
    try bench.run("cache limit=100KB")
    let left = try #require(bench.last?.json["count"]?.intValue)
    #expect(left < 4 && bench.last?.notes.first?.contains("removed") == true)
    try bench.run("cache limit=0")
    #expect(bench.last?.json["count"] == 0)
    #expect(bench.last?.notes.contains { $0.hasPrefix("nothing is kept from now on") } == true)
    try bench.run("cache limit=1GiB; use demo; load phi; quantize rtn bits=2; cache clear")
    #expect(bench.last?.json["removed"] == 1)
    try bench.run("cache")
    #expect(bench.last?.json["count"] == 0)
  }
}

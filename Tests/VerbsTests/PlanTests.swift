import FoundationEssentials
import JSON
import Language
import Models
import TestSupport
import Testing

@testable import Session
@testable import Verbs

/// What `plan` says of pipelines on the demo pack.
@Suite(.serialized)
struct PlanTests {
  static func stages(_ bench: Workbench) -> [JSON] {
    bench.reports.last?.json["stages"]?.arrayValue ?? []
  }

  static func plan(_ steps: String, setup: String = "use demo; load phi") throws -> [JSON] {
    stages(try Workbench().run("\(setup); plan { \(steps) }"))
  }

  /// LoRA's work by hand: forward and the gradient of the input through every frozen weight, 4 operations a weight and
  /// token where training all of them takes 6; and 6 for every weight of an adapter.
  @Test func trainingWork() throws {
    let bench = try Workbench().run(
      "use demo; load phi; plan { finetune tiny-codes steps=1 batch=1 length=64 rank=8 eval=no }")
    let stage = try #require(Self.stages(bench).first)
    let model = try #require(bench.session.model as? LoadedModel).model
    let (n, rank) = (64.0, 8.0)
    var (weights, sides, first) = (0.0, 0.0, 0.0)
    for linear in model.allLinears {
      let size = Double(linear.inputs * linear.outputs)
      // The embedding is frozen: nothing flows back through the first layer.
      if first == 0 { first = 2 * n * size + 2 * n * rank * Double(linear.inputs + linear.outputs) }
      weights += size
      sides += Double(linear.inputs + linear.outputs)
    }
    let head = Double(model.config.vocabulary * model.config.hidden)
    let shape = model.config.attentionShape
    let attention =
      14 * (n * (n + 1) / 2) * Double(shape.heads * shape.width * model.config.layers)
    let expected =
      4 * n * weights + 6 * n * rank * sides - first + 4 * n * head + attention
      + 16 * rank * sides
    let flops = try #require(stage["flops"]?.doubleValue)
    #expect(abs(flops / expected - 1) < 0.03, "\(flops) instead of \(expected)")
    #expect(flops < 6 * n * (weights + head) + 6 * n * rank * sides)
  }

  /// More sequences in a pass take more memory; checkpointing takes less of it.
  @Test func memoryGrowsWithTheBatch() throws {
    let job = "finetune tiny-codes steps=1 length=64 eval=no"
    let stages = try Self.plan(
      """
      one: \(job) batch=1
      four: \(job) batch=4
      thin: \(job) batch=16 checkpointing=yes
      sixteen: \(job) batch=16
      """)
    let memory = try stages.map { try #require($0["memory"]?.intValue) }
    #expect(memory.count == 4)
    #expect(zip(memory, memory.dropFirst()).allSatisfy { $0 < $1 }, "\(memory)")
  }

  /// Stages have the names that they have when they run: what the cache has is known, also what it will have by then.
  @Test func cachedStages() throws {
    let cache = try CacheTests.OneCache()
    let job = "quantize rtn | ppl tiny-codes[5000:5002]"
    let before = Self.stages(try cache.bench().run("use demo; load phi; plan { \(job) }"))
    #expect(before.map { $0["cached"]?.boolValue } == [false, false])
    #expect(try cache.files("entry").count == 1, "the times of operations and nothing else")
    try cache.bench().run("use demo; load phi; \(job)")
    let after = Self.stages(try cache.bench().run("use demo; load phi; plan { \(job) }"))
    #expect(after.map { $0["cached"]?.boolValue } == [true, true])
    #expect(after.map { $0["flops"]?.doubleValue } == [0, 0])
    let arms = Self.stages(
      try cache.bench().run(
        """
        use demo; load phi
        plan {
          a: quantize rtn bits=3 | ppl tiny-codes[5000:5002]
          b: quantize rtn bits=3 | ppl tiny-codes[5000:5003]
        }
        """))
    #expect(arms.map { $0["cached"]?.boolValue } == [false, false, true, false])
    #expect(arms.map { $0["label"]?.stringValue } == ["a", "a", "b", "b"])
  }

  /// Nothing but the report is left of it.
  /// What a reference makes of the rows is the first arm's work alone, and it is written once.
  @Test func sharedWorkCountsOnce() throws {
    let shared = try CacheTests.OneCache()
    let bench = try shared.bench().run(
      """
      use demo; base = load phi
      plan { { a: quantize rtn bits=3 | ppl tiny-codes[5000:5004] from=$base
        b: quantize rtn bits=4 | ppl tiny-codes[5000:5004] from=$base } }
      """)
    let arms = Self.stages(bench).filter { $0["verb"] == "ppl" }
    try #require(arms.count == 2)
    let work = arms.compactMap { $0["flops"]?.doubleValue }
    let disk = arms.compactMap { $0["disk"]?.doubleValue }
    // Less by the reference's forward pass, which without its head is most of what a model does.
    #expect(work[1] < 0.7 * work[0] && work[1] > 0.4 * work[0], "\(work)")
    #expect(disk[0] > disk[1])
    // Without a cache there is nowhere to find it.
    let alone = try Self.plan(
      "{ a: quantize rtn bits=3 | ppl tiny-codes[5000:5004] from=phi; b: quantize rtn | ppl tiny-codes[5000:5004] from=phi }"
    ).filter { $0["verb"] == "ppl" }.compactMap { $0["flops"]?.doubleValue }
    #expect(alone.count == 2 && alone[0] == alone[1])
  }

  @Test func changesNothing() throws {
    let cache = try CacheTests.OneCache()
    let bench = try cache.bench().run("use demo; m = load phi; ppl tiny-codes[5000:5001]")
    let entries = try cache.files("entry")
    let shown = bench.reports.count
    let target = "\(cache.folder)/saved"
    try bench.run(
      """
      plan {
        t = finetune tiny-codes steps=1 batch=1 length=32 eval=no; print "no"; save \(target)
        $t | ppl tiny-codes[5000:5001]; expect below=0.1; generate "x" tokens=2; cache clear
      }
      """)
    #expect(bench.reports.count == shown + 1)
    #expect(bench.values.isEmpty && bench.text.isEmpty && bench.tables.isEmpty)
    #expect(bench.session.model?.lineage == "phi")
    #expect(!bench.session.names.contains("t"))
    #expect(!FileManager.default.fileExists(atPath: target))
    #expect(Set(entries).isSubset(of: try cache.files("entry")))
    #expect(try cache.files("entry").count == entries.count + 1)
    #expect(bench.session.misses.count == 1)
    let stages = Self.stages(bench)
    let save = try #require(stages.first { $0["verb"]?.stringValue == "save" })
    #expect(try #require(save["disk"]?.intValue) > 10_000_000)
    // And the model is as good as before.
    let before = bench.reports[shown - 1].value
    try bench.run("cache off; ppl tiny-codes[5000:5001]")
    #expect(bench.reports.last?.value == before)
  }

  /// Definitions and names of a planned script see each other as they do in the script.
  @Test func wholeScripts() throws {
    let bench = try Workbench()
    try bench.session.plan(
      Source(
        name: "test",
        text: """
          use demo
          bits = 3
          def small(n = 2) { quantize rtn bits=$bits | ppl tiny-codes[5000:5002] }
          load phi
          small
          """), runs: true)
    let stages = Self.stages(bench)
    #expect(stages.map { $0["verb"]?.stringValue } == ["load", "quantize", "ppl"])
    for stage in stages {
      #expect(try #require(stage["actual_seconds"]?.doubleValue) > 0)
      #expect(try #require(stage["actual_memory"]?.intValue) > 1_000_000)
    }
    #expect(bench.reports.last?.json["actual_seconds"]?.doubleValue != nil)
    // The steps ran: their reports stand before the plan's.
    #expect(bench.reports.map(\.verb) == ["load", "quantize", "ppl", "plan"])
  }

  @Test func whatCannotBePlannedIsSaid() throws {
    let bench = try Workbench().run("use demo; plan { load phi; selftest }")
    let stages = Self.stages(bench)
    #expect(stages.last?["verb"]?.stringValue == "selftest")
    #expect(stages.last?["planned"]?.boolValue == false)
    #expect(
      bench.reports.last?.display.contains(.text("not planned: selftest")) == true)
  }

  /// A model of 3.8 billion parameters takes neither its memory nor its time.
  @Test func largeModels() throws {
    let stages = try Self.plan(
      "load phi weights=random; quantize rtn; finetune random steps=1 batch=1 eval=no", setup: "")
    #expect(stages.count == 3)
    let shape = try #require(stages.first?["flops"]?.doubleValue)
    #expect(
      abs(shape / 4 / 3.82e9 - 1) < 0.01, "a number is drawn for each of 3.82 billion weights")
    #expect(try #require(stages.first?["memory"]?.intValue) > 7_600_000_000)
    #expect(try #require(stages.last?["flops"]?.doubleValue) > 4 * 1024 * 3.6e9)
  }
}

import FoundationEssentials
import Glibc
import JSON
import Runtime
import TestSupport
import Testing

@testable import Session
@testable import Verbs

/// Receipts of models and reports, and what `replay` makes of them.
@Suite(.serialized)
struct ReceiptTests {
  /// A folder that tests write to.
  final class Place {
    let folder: String
    init() throws { folder = try Shared.temporaryFolder() }
    deinit { Shared.remove(folder) }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    func text(_ name: String) throws -> String {
      let bytes = try #require(FileManager.default.contents(atPath: path(name)))
      return String(decoding: bytes, as: UTF8.self)
    }

    func json(_ name: String) throws -> JSON { try JSON.parse(try text(name)) }

    /// Changes the calls in a report's receipt, with a checksum that fits.
    func forgeReceipt(_ name: String, _ change: (String) -> String) throws {
      guard case .object(var report) = try json(name),
        case .object(var receipt)? = report["receipt"], let steps = receipt["steps"]?.arrayValue
      else { return }
      receipt["steps"] = .array(
        steps.map { step in
          guard case .object(var step) = step, let call = step["call"]?.stringValue else {
            return step
          }
          step["call"] = .string(change(call))
          return .object(step)
        })
      receipt["sha256"] = nil
      receipt["sha256"] = .string(SHA256.hex(JSON.object(receipt).text()))
      report["receipt"] = .object(receipt)
      try Shared.write(JSON.object(report).text(), to: path(name))
    }

    /// Changes a receipt and makes its checksum fit, as somebody would who means to deceive.
    func forge(_ name: String, _ change: (inout JSONObject) -> Void) throws {
      guard case .object(var object) = try json(name) else { return }
      change(&object)
      object["sha256"] = nil
      object["sha256"] = .string(SHA256.hex(JSON.object(object).text()))
      try Shared.write(JSON.object(object).text(), to: path(name))
    }
  }

  static func train(_ steps: Int) -> String {
    "finetune tiny-codes steps=\(steps) batch=1 length=24 rank=4 eval=no"
  }

  // MARK: The same bytes

  @Test(arguments: [
    "quantize rtn bits=3 group=32",
    "quantize gptq samples=2 length=64 data=wikitext[3:200] skip=[down_proj]",
    "\(train(2)); merge",
    "quantize rtn; \(train(2)); finetune tiny-codes steps=1 batch=1 length=24 eval=no",
    "quantize rtn; \(train(2)); merge requantize=yes",
    "quantize rtn; \(train(1)); drop adapter",
  ])
  func savedModelsReplay(_ way: String) throws {
    let place = try Place()
    let bench = try Workbench().run("use demo; load phi; \(way); save \(place.path("m"))")
    let lineage = bench.session.model?.lineage
    try bench.run("replay \(place.path("m"))")
    let report = try #require(bench.last)
    #expect(report.fields["same"] == true && report.fields["same_device"] == true)
    let files = try #require(
      try place.json("m/olv-receipt.json")["results"]?[0]?["files"]?.arrayValue)
    #expect(report.fields["files"] == .int(files.count))
    // Every file of the folder is told, but for the receipt itself.
    let all = try FileManager.default.subpathsOfDirectory(atPath: place.path("m"))
      .filter { $0 != "adapter" && $0 != Receipt.fileName }
    #expect(Set(files.compactMap { $0["name"]?.stringValue }) == Set(all))
    // The session is as it was.
    #expect(bench.session.model?.lineage == lineage)
    #expect(bench.session.settings.caches && bench.session.settings.compute == "auto")
  }

  @Test func adaptersReplay() throws {
    let place = try Place()
    let bench = try Workbench().run(
      "use demo; load phi; \(Self.train(2)); save \(place.path("a")) format=peft")
    try bench.run("replay \(place.path("a"))")
    #expect(bench.last?.fields["files"] == 2)
  }

  /// Second models, calibration text that is carried along, arms that share what is before them, and nested tables.
  @Test func tablesReplay() throws {
    let place = try Place()
    let bench = try Workbench().run(
      """
      use demo; base = load phi
      trained = \(Self.train(2))
      $base
      { base: ppl tiny-codes[5000:5002]
        quantized: quantize gptq samples=2 length=64 | {
          alone: ppl tiny-codes[5000:5002]
          repaired: finetune tiny-codes steps=1 batch=1 length=24 rank=4 eval=no init=cloq from=$base | ppl tiny-codes[5000:5002]
          apart: diverge tiny-codes[5000:5002] from=$trained
          why: explain tiny-codes[5000:5002] from=$base layers=no
        } } | save \(place.path("t.json"))
      """)
    let receipt = try #require(try place.json("t.json")["receipt"])
    let calls = (receipt["steps"]?.arrayValue ?? []).compactMap { $0["call"]?.stringValue }
    // Loading, training, quantizing, repairing; five measurements.
    #expect(calls.count == 9, "\(calls)")
    #expect(calls.filter { $0.hasPrefix("load ") }.count == 1)
    #expect(calls.contains { $0.contains("init=cloq from=$m1") })
    #expect(
      receipt["results"]?.arrayValue?.map { $0["label"]?.stringValue } == [
        "base", "quantized / alone", "quantized / repaired", "quantized / apart",
        "quantized / why",
      ])
    try bench.run("replay \(place.path("t.json"))")
    #expect(bench.last?.fields["reports"] == 5)
  }

  @Test func reportsReplay() throws {
    let place = try Place()
    let bench = try Workbench().run(
      "use demo; load phi; \(Self.train(2)); $_ | save \(place.path("loss.json"))")
    let saved = try place.json("loss.json")
    #expect(saved["verb"] == "finetune" && saved["loss"]?.arrayValue?.count == 2)
    try bench.run("replay \(place.path("loss.json"))")
    #expect(bench.last?.fields["reports"] == 1)
    // Another run replaces it; what is no report of ours stays.
    try bench.run("ppl tiny-codes[5000:5001] | save \(place.path("loss.json"))")
    #expect(try place.json("loss.json")["verb"] == "ppl")
    try Shared.write("{\"mine\": 1}", to: place.path("mine.json"))
    let failure = bench.failure("ppl tiny-codes[5000:5001] | save \(place.path("mine.json"))")
    #expect(failure.first?.code == "checkpoints.not-replaceable")
    #expect(try place.text("mine.json") == "{\"mine\": 1}")
  }

  /// A receipt needs no pack, no name and no default of the session that wrote it.
  @Test func callsStandAlone() throws {
    let place = try Place()
    try Workbench().run(
      "use demo; load phi; quantize gptq samples=1; save \(place.path("m"))")
    let bench = try Workbench(prelude: false).run("replay \(place.path("m"))")
    #expect(bench.last?.fields["same"] == true)
    let steps = try #require(try place.json("m/olv-receipt.json")["steps"]?.arrayValue)
    #expect(
      steps.first?["call"]?.stringValue == "load \(Shared.root)/stdlib/demo/phi name=phi")
    #expect(steps.last?["call"]?.stringValue?.contains("length=256") == true)
    #expect(steps.last?["defaults"]?["bits"] == "4")
    #expect(steps.last?["inputs"]?["rows"]?.stringValue?.count == 64)
  }

  @Test func cacheLeavesNoTrace() throws {
    let place = try Place()
    let shared = try CacheTests.OneCache()
    let script = """
      use demo; load phi; quantize rtn bits=3; \(Self.train(2)); save \(place.path("m"))
      ppl tiny-codes[5000:5002] | save \(place.path("p.json"))
      """
    func receipts(_ bench: Workbench) throws -> [JSON?] {
      try bench.run(script)
      return [try place.json("m/olv-receipt.json"), try place.json("p.json")["receipt"]]
    }
    let plain = try receipts(Workbench())
    #expect(try receipts(shared.bench()) == plain)
    #expect(try receipts(shared.bench()) == plain)
  }

  // MARK: What is not the same

  @Test func editsAreNoticed() throws {
    let place = try Place()
    let bench = try Workbench().run(
      "use demo; load phi; quantize rtn bits=3; save \(place.path("m"))")
    let name = "m/olv-receipt.json"
    let whole = try place.text(name)
    func code() -> String? { bench.failure("replay \(place.path("m"))").first?.code }
    try Shared.write(whole.replacing("bits=3", with: "bits=2"), to: place.path(name))
    #expect(code() == "session.edited")
    try Shared.write("{", to: place.path(name))
    #expect(code() == "json.jsonfailure")
    try Shared.write("{\"verb\": \"ppl\"}", to: place.path(name))
    #expect(code() == "session.no-receipt")
    Shared.remove(place.path(name))
    #expect(code() == "checkpoints.file-failure")

    // Another default, and another call, each with a checksum that fits.
    func forge(_ old: String, _ new: String) throws {
      try Shared.write(whole.replacing(old, with: new), to: place.path(name))
      try place.forge(name) { _ in }
    }
    try forge("\"group\": \"128\"", "\"group\": \"64\"")
    #expect(code() == "session.changed-default")
    try forge("bits=3", "bits=2")
    #expect(code() == "session.differs")

    // Another hash of a file that is no longer there to be compared.
    try forge("olv.json", "old.json")
    let differs = bench.failure("replay \(place.path("m"))").first
    #expect(differs?.code == "session.differs")
    #expect(differs?.message.contains("old.json, olv.json differ") == true)
  }

  /// What a stranger's receipt asks for beyond making and measuring models.
  @Test(arguments: [
    "save /tmp/olv-never", "cache clear", "$m1 | save /tmp/olv-never",
    "load phi | save /tmp/olv-never", "use demo", "load (save /tmp/olv-never)",
    "load \"$m1\"", "x = load phi", "load phi; save /tmp/olv-never", "$m7 | merge",
    "$m1 | ppl (dataset (load phi))", "$m1 | finetune rows from=$m9", "{ a: load phi }",
    "{ a: $m1; b: save /tmp/olv-never } | verdict", "{ a: $m1; b: { c: $m9 } } | verdict",
    "{ a: $m1 | save /tmp/olv-never } | verdict", "{ \"$m1\": $m1 } | verdict", "{ $m1 } | verdict",
    "{ a: $m1 } | save /tmp/olv-never", "each $x in [1] { $m1 } | verdict",
    "{ a: $m1.x } | verdict",
  ])
  func strangersAreRefused(_ call: String) throws {
    let place = try Place()
    let bench = try Workbench().run("use demo; load phi; save \(place.path("m"))")
    try place.forge("m/olv-receipt.json") { object in
      guard var steps = object["steps"]?.arrayValue else { return }
      steps.append(
        .object(
          JSONObject([
            ("name", "m2"), ("call", .string(call)), ("defaults", .object(JSONObject())),
            ("inputs", .object(JSONObject())),
          ])))
      object["steps"] = .array(steps)
    }
    let failure = bench.failure("replay \(place.path("m"))").first
    #expect(failure?.code == "session.refused-step")
    #expect(failure?.message.contains("m2") == true)
    #expect(!FileManager.default.fileExists(atPath: "/tmp/olv-never"))
  }

  @Test func changedInputsAreNamed() throws {
    let place = try Place()
    let rows = (0..<40).map { "{\"text\": \"row \($0) says something of its own\"}\n" }
    try Shared.write(rows.joined(), to: place.path("rows.jsonl"))
    try Workbench().run("use demo; load phi; save \(place.path("base"))")
    let bench = try Workbench().run(
      """
      load \(place.path("base")) name=base
      finetune \(place.path("rows.jsonl")) steps=1 batch=1 length=24 rank=4 eval=no
      save \(place.path("m")); replay \(place.path("m"))
      """)
    #expect(bench.last?.fields["same"] == true)
    // A session that has not seen the rows before they change.
    try Shared.write(rows.dropLast().joined() + "{\"text\": \"\"}\n", to: place.path("rows.jsonl"))
    let changed = try Workbench().failure("replay \(place.path("m"))").first
    #expect(changed?.code == "session.changed-input")
    #expect(changed?.message.hasPrefix("the rows of step m2 changed since") == true)
    Shared.remove(place.path("rows.jsonl"))
    let missing = try Workbench().failure("replay \(place.path("m"))").first
    #expect(missing?.code == "session.failed-step")
    #expect(missing?.message.contains("rows.jsonl") == true)
    // Another model in the place of the first.
    try Workbench().run("use demo; load phi dtype=f32; save \(place.path("base"))")
    try Shared.write(rows.joined(), to: place.path("rows.jsonl"))
    let other = try Workbench().failure("replay \(place.path("m"))").first
    #expect(other?.message.hasPrefix("the weights of step m1 changed since") == true)
  }

  @Test func changedFilesAreNamed() throws {
    let place = try Place()
    let bench = try Workbench().run("use demo; load phi; save \(place.path("m"))")
    try Shared.write("{}", to: place.path("m/olv.json"))
    let failure = bench.failure("replay \(place.path("m"))").first
    #expect(failure?.code == "session.changed-file")
    #expect(failure?.message.contains("m/olv.json") == true)
  }

  /// Another device or build does not stop a replay, and is said.
  @Test func othersAreTold() throws {
    let place = try Place()
    let bench = try Workbench().run("use demo; load phi; save \(place.path("m"))")
    try place.forge("m/olv-receipt.json") { object in
      object["engine"] = "olv 0.0 0000"
      object["results"] = JSON.array(
        (object["results"]?.arrayValue ?? []).map { result in
          guard case .object(var result) = result else { return result }
          result["execution"] = "a quantum computer, f32"
          return .object(result)
        })
    }
    try bench.run("replay \(place.path("m"))")
    let report = try #require(bench.last)
    #expect(report.fields["same"] == true)
    #expect(report.fields["same_device"] == false && report.fields["same_build"] == false)
    #expect(report.notes.contains { $0.contains("a quantum computer") })
    #expect(report.notes.contains { $0.contains("olv 0.0 0000") })
  }

  /// A verdict is of a table, whose reports are steps like others: by branches, in groups, with repeated seeds, from rows.
  @Test(arguments: [
    "{ a: ppl tiny-codes[5000:5004]; \"b → \\$x\": quantize rtn bits=2 | ppl tiny-codes[5000:5004] } | verdict against=a resamples=100",
    "each $s in (range 2) { { a: ppl tiny-codes[5000:5004]; b: quantize gptq bits=2 samples=1 length=64 seed=$s | { p = ppl tiny-codes[5000:5004]; row ppl=$p bytes=$model.bytes } } } | verdict repeats=yes",
  ])
  func verdictsReplay(_ script: String) throws {
    let place = try Place()
    let bench = try Workbench().run(
      "use demo; load phi; \(script) | save \(place.path("v.json"))")
    #expect(bench.last?.notes.contains { $0.contains("cannot be replayed") } == false)
    let call = try #require(
      try place.json("v.json")["receipt"]?["steps"]?.arrayValue?.last?["call"]?.stringValue)
    #expect(call.hasPrefix("{") && call.contains("} | verdict"), "\(call)")
    try bench.run("replay \(place.path("v.json"))")
    #expect(bench.last?.fields["same"] == true && bench.last?.fields["reports"] == 1)
    // Judged more strictly, it is another verdict.
    try place.forgeReceipt("v.json") { $0.replacing("| verdict", with: "| verdict level=0.5") }
    let failure = bench.failure("replay \(place.path("v.json"))").first
    #expect(failure?.code == "session.differs", "\(failure?.message ?? "")")
  }

  /// A row is as good as the reports in it.
  @Test func rowsReplay() throws {
    let place = try Place()
    let bench = try Workbench().run(
      """
      use demo; base = load phi
      each $b in [2 8] {
        quantize rtn bits=$b
        p = ppl tiny-codes[5000:5003] from=$base compared=2
        row ppl=$p kl=$p.kl general=(ppl wikitext.test[:20]) bytes=$model.bytes
      } | save \(place.path("t.json"))
      """)
    let results = try #require(try place.json("t.json")["receipt"]?["results"]?.arrayValue)
    #expect(
      results.map { $0["label"]?.stringValue } == [
        "2 / ppl", "2 / general", "8 / ppl", "8 / general",
      ])
    try bench.run("replay \(place.path("t.json"))")
    #expect(bench.last?.fields["reports"] == 4)
  }

  /// What nobody can tell the way of is said when it is saved.
  @Test func whatHasNoWayIsSaid() throws {
    let place = try Place()
    let bench = try Workbench().run(
      "use demo; load phi; row bytes=$model.bytes | save \(place.path("r.json"))")
    #expect(bench.last?.notes.contains { $0.contains("cannot be replayed") } == true)
    #expect(
      bench.failure("replay \(place.path("r.json"))").first?.code == "session.unrepeatable")
  }

  /// Ctrl-C in the work of a step, sent to the program itself.
  @Test(.enabled(if: OlvProgram.path != nil, "the program is built with the tests"))
  func interruptsEndIt() throws {
    let place = try Place()
    try Workbench().run("use demo; load phi; \(Self.train(1)); save \(place.path("m"))")
    try place.forge("m/olv-receipt.json") { object in
      object["steps"] = JSON.array(
        (object["steps"]?.arrayValue ?? []).map { step in
          guard case .object(var step) = step else { return step }
          step["call"] = step["call"]?.stringValue.map {
            .string($0.replacing("steps=1 ", with: "steps=1000000 "))
          }
          return .object(step)
        })
    }
    let status = system(
      "timeout --preserve-status -s INT -k 60 3 env \(OlvProgram.command(in: place.folder)) --quiet "
        + "-c 'replay \(place.path("m"))' > \(place.path("out")) 2> \(place.path("err"))")
    let errors = try place.text("err")
    #expect(status >> 8 == 130, "\(errors)")
    #expect(try place.text("out").isEmpty)
  }
}

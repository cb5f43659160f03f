import FoundationEssentials
import Glibc
import JSON
import Language
import Session
import TestSupport
import Testing

/// What the language promises about reports, names and packs, sentence by sentence. Its grammar is tested production by
/// production in `GrammarTests`, the command line in `FlagsTests` and `ProgramTests`, the prompt in `PromptTests`.
@Suite(.serialized) struct DesignTests {
  static let common = ["verb", "label", "model", "device", "seconds"]

  private func fields(_ report: Report?) throws -> JSONObject {
    guard case .object(let object)? = report?.json else { throw NoReport() }
    return object
  }
  private struct NoReport: Error {}

  @Test func reportsOfTheVerbs() throws {
    let bench = try Workbench().run(
      """
      use demo; load phi
      ppl tiny-codes[5000:5002]
      quantize gptq samples=1 length=64
      finetune tiny-codes[:64] steps=2 batch=1 length=32 eval=tiny-codes[4096:4098]
      { a: ppl tiny-codes[5000:5001] }
      """)
    for report in bench.reports {
      let object = try fields(report)
      for key in Self.common { #expect(object[key] != nil, "\(report.verb) has no \(key)") }
    }
    let byVerb = Dictionary(bench.reports.map { ($0.verb, $0) }) { first, _ in first }
    let ppl = try fields(byVerb["ppl"])
    for key in ["value", "nll", "tokens", "documents", "protocol"] { #expect(ppl[key] != nil) }
    let value = try #require(ppl["value"]?.doubleValue)
    let nll = try #require(ppl["nll"]?.doubleValue)
    #expect(abs(exp(nll) - value) < 1e-9 * value)
    #expect(ppl["label"]?.isNull == true)
    let quantize = try fields(byVerb["quantize"])
    for key in ["bits_per_weight", "bytes", "layers"] { #expect(quantize[key] != nil) }
    for layer in try #require(quantize["layers"]?.arrayValue) {
      for key in ["name", "error", "proxy"] { #expect(layer[key] != nil) }
    }
    let finetune = try fields(byVerb["finetune"])
    #expect(finetune["loss"]?.arrayValue?.count == 2)
    for key in ["tokens_per_second", "eval"] { #expect(finetune[key] != nil) }
    // Tables have columns and rows; what ran in an arm has its label.
    let table = try #require(bench.tables.last?.json)
    #expect(table["columns"]?.arrayValue != nil && table["rows"]?.arrayValue?.count == 1)
    #expect(bench.reports.contains { $0.label == "a" })
    #expect(bench.reports.last?.model?.contains("phi → gptq w4") == true)
  }

  /// Every report says on which pack it ran; the prelude names what is at full size.
  @Test func packsRebindNames() throws {
    let bench = try Workbench().run("use demo; load phi; ppl tiny-codes[5000:5001]")
    #expect(bench.reports.suffix(2).allSatisfy { $0.pack == "demo" })
    for name in ["phi", "llama", "tiny-codes", "wikitext"] {
      #expect(try Workbench().session.names.contains(name), "the prelude has no \(name)")
    }
    #expect(try Workbench().session.functions.contains("orders"))
    // The published slices, here of the demo's rows.
    let prelude = Workbench.text(of: "prelude")
    let demo = Workbench.text(of: "demo/demo")
    for text in ["train=\":4096\"", "eval=\"4096:4224\"", "test=\"5000:6000\""] {
      #expect(prelude.contains(text) && demo.contains(text), "no \(text)")
    }
    #expect(prelude.contains("defaults quantize data=wikitext.train"))
    #expect(prelude.contains("defaults ppl data=tiny-codes"))
  }

  /// Nothing runs before all of a script was read and bound.
  @Test func mistakesAreFoundBeforeAnythingRuns() throws {
    for (mistake, code) in [
      ("prnt 1", "bind.verb"), ("print (", "syntax.unexpected"),
      ("quantize rtn bit=4", "bind.parameter"),
      ("quantize rtn bits=x", "bind.choice"), ("finetune tiny-codes steps=0", "bind.range"),
      ("ppl tiny-cods", "data.not-found"), ("print $nothing", "bind.variable"),
    ] {
      let bench = try Workbench()
      let found = bench.failure("print before\nuse demo; load phi\n\(mistake)")
      #expect(found.map(\.code) == [code], "\(mistake)")
      #expect(bench.values.isEmpty && bench.reports.isEmpty, "\(mistake)")
    }
  }

  /// Several mistakes are told together, in the order of the text.
  @Test func allMistakesAreTold() throws {
    let found = try Workbench().failure(
      "use demo; load phi\nquantize gtpq\nprnt 1\nppl tiny-cods\nfinetune tiny-codes steps=0 bach=3"
    )
    #expect(
      found.map(\.code) == [
        "bind.choice", "bind.verb", "data.not-found", "bind.range", "bind.parameter",
      ])
    #expect(found.map { $0.line ?? 0 } == [2, 3, 4, 5, 5])
    // Also beside errors of form.
    let mixed = try Workbench().failure("use demo; load phi\nprint \"a\nquantize gtpq\nprint )")
    #expect(mixed.count == 3)
  }

  /// Models are values: branching from one changes nothing of it.
  @Test func branchesLeaveTheModelAlone() throws {
    let bench = try Workbench().run(
      """
      use demo; load phi; base = ppl tiny-codes[5000:5001]
      { q: quantize rtn bits=2 | ppl tiny-codes[5000:5001] }
      again = ppl tiny-codes[5000:5001]
      """)
    let values = bench.reports.filter { $0.verb == "ppl" }.compactMap(\.value)
    #expect(values.count == 3 && values.first == values.last && values[1] != values[0])
  }
}

extension Workbench {
  fileprivate static func text(of pack: String) -> String {
    (try? String(contentsOfFile: "\(Shared.root)/stdlib/\(pack).olv", encoding: .utf8)) ?? ""
  }
}

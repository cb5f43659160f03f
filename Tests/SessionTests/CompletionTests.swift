import FoundationEssentials
import Language
import TestSupport
import Testing

@testable import Session

@Suite struct CompletionTests {
  private func complete(_ bench: Bench, _ text: String) -> Completion {
    let offset = text.firstIndex(of: "¦").map { text.utf8.distance(from: text.startIndex, to: $0) }
    return bench.session.completion(
      of: text.replacing("¦", with: ""), at: offset ?? text.utf8.count)
  }

  private func texts(_ bench: Bench, _ text: String) -> [String] {
    complete(bench, text).candidates.map { $0.text + $0.ending }
  }

  @Test func verbs() throws {
    let bench = Bench()
    try bench.run("## My own.\ndef quiet(a, b=4) { print $a }")
    #expect(texts(bench, "qu") == ["quantize ", "quiet "])
    #expect(complete(bench, "qu").candidates.map(\.hint) == ["rounds weights", "My own."])
    #expect(texts(bench, "load phi; ppl | exp") == ["expect "])
    #expect(texts(bench, "ea") == ["each $"])
    // In another case, then inside.
    #expect(texts(bench, "QUANT") == ["quantize "])
    #expect(texts(bench, "verge") == ["diverge "])
    #expect(complete(bench, "").candidates.count >= fakeVerbs.count)
    #expect(texts(bench, "def other() { ppl }; oth") == ["other "])
  }

  @Test func parametersAndChoices() {
    let bench = Bench()
    #expect(texts(bench, "quantize ") == ["rtn ", "gptq ", "awq "])
    #expect(texts(bench, "quantize g") == ["gptq "])
    #expect(texts(bench, "quantize sa") == ["samples="])
    #expect(texts(bench, "quantize gptq ").prefix(3) == ["bits=", "group=", "samples="])
    #expect(texts(bench, "quantize gptq bits=4 b") == [])
    #expect(texts(bench, "quantize gptq bits=") == ["2 ", "3 ", "4 ", "8 "])
    #expect(complete(bench, "quantize gptq bits=").candidates[2].hint == "default; bits per weight")
    #expect(texts(bench, "quantize gptq symmetric=n") == ["no "])
    #expect(texts(bench, "ppl as=[olive g") == ["gptq "])
    let samples = complete(bench, "quantize gptq samples=")
    #expect(samples.candidates.isEmpty)
    #expect(samples.note == "samples: calibration texts (a whole number; 1 or more; default 128)")
    #expect(
      complete(bench, "quantize gptq sa").candidates.map(\.hint) == [
        "calibration texts (a whole number; 1 or more; default 128)"
      ])
    #expect(texts(bench, "defaults quantize sam") == ["samples="])
    #expect(texts(bench, "defaults quantize bits=") == ["2 ", "3 ", "4 ", "8 "])
    #expect(texts(bench, "help quan") == ["quantize "])
    #expect(texts(bench, "help pro") == ["prompt "])
    #expect(texts(bench, "? top") == ["topics "])
    #expect(complete(bench, "help scr").candidates.map(\.hint) == [Topic.all[4].summary])
    #expect(texts(bench, "? ppl").contains("ppl "))
  }

  /// What stands where nothing is given is what the session or a pack set.
  @Test func hintsKnowTheDefaultsInForce() throws {
    let bench = Bench()
    try bench.run("defaults quantize samples=16 bits=3")
    #expect(
      complete(bench, "quantize gptq sa").candidates.map(\.hint) == [
        "calibration texts (a whole number; 1 or more; default 16)"
      ])
    #expect(
      complete(bench, "quantize gptq samples=").note
        == "samples: calibration texts (a whole number; 1 or more; default 16)")
    let bits = complete(bench, "quantize gptq bits=").candidates
    #expect(bits.map { $0.hint.hasPrefix("default;") } == [false, true, false, false])
  }

  @Test func ranges() {
    let bench = Bench()
    #expect(complete(bench, "load phi; qua¦nt").range == 10..<13)
    #expect(complete(bench, "print \"ü\" $x¦").range == 12..<13)
    #expect(complete(bench, "quantize gptq bits=¦").range == 19..<19)
  }

  @Test func variablesAndTheirParts() throws {
    let bench = Bench()
    try bench.run("load phi", number: 1)
    try bench.run("r = ppl; n = 4k", number: 2)
    try bench.run("t = { base: ppl; \"q → ft\": quantize gptq | ppl }; m = load phi", number: 3)
    #expect(texts(bench, "print $") == ["m", "n", "r", "t", "model", "_", "2", "3"])
    #expect(
      complete(bench, "print $mod").candidates.map(\.hint) == ["the current model: phi"])
    #expect(complete(bench, "print $n").candidates.map(\.hint) == ["4k"])
    #expect(texts(bench, "$r.va") == ["value"])
    #expect(complete(bench, "$r.value").candidates.map(\.hint) == ["10"])
    #expect(texts(bench, "$r.lay") == ["layers"])
    // Labels that are no names stand in brackets and quotes.
    #expect(texts(bench, "$t.") == ["base"])
    #expect(texts(bench, "$t[") == ["base]", "\"q → ft\"]"])
    #expect(texts(bench, "$t[\"q") == ["q → ft\"]"])
    #expect(texts(bench, "$t[\"q → ft\"].nl") == ["nll"])
    #expect(texts(bench, "$m.").contains("lineage"))
    #expect(texts(bench, "$none.").isEmpty)
    #expect(texts(bench, "each $item in [1] { print $it") == ["item"])
  }

  @Test func packsNamesAndDatasets() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    try Shared.write(
      """
      phi = load ./phi
      codes = dataset ./numbers.jsonl
      """, to: "\(folder)/small.olv")
    let bench = Bench(standardLibrary: folder)
    #expect(texts(bench, "use sm") == ["small "])
    try bench.run("use small; mine = dataset numbers.jsonl")
    #expect(texts(bench, "load p").first == "phi ")
    #expect(complete(bench, "load p").candidates.first?.hint == "load ./phi, small")
    #expect(texts(bench, "ppl co") == ["codes "])
    #expect(texts(bench, "finetune mi") == ["mine "])
    #expect(texts(bench, "quantize rtn data=co") == ["codes "])
    #expect(texts(bench, "ppl codes.t") == ["codes.train ", "codes.test "])
  }

  @Test func files() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    try Shared.makeFolder("\(folder)/models")
    try Shared.write("", to: "\(folder)/more rows.jsonl")
    try Shared.write("", to: "\(folder)/moby.txt")
    let bench = Bench()
    #expect(
      texts(bench, "save \(folder)/mo") == [
        "\"\(folder)/more rows.jsonl\" ", "\(folder)/moby.txt ", "\(folder)/models/",
      ])
    #expect(texts(bench, "load \(folder)/m") == ["\(folder)/models/"])
    #expect(
      texts(bench, "dataset \"\(folder)/mor") == ["\(folder)/more rows.jsonl\" "])
    #expect(texts(bench, "ppl \(folder)/mob") == ["\(folder)/moby.txt "])
  }

  @Test func nothingIsRun() throws {
    let bench = Bench()
    for text in ["stop", "$(stop).", "x = stop; $x.", "ppl (stop) ", "$x[(stop)]."] {
      _ = bench.session.completion(of: text, at: text.utf8.count)
    }
    #expect(bench.recorder.reports.isEmpty && bench.session.history.isEmpty)
  }

  @Test func commonBeginning() {
    let candidates = ["samples", "same", "sam"].map { Completion.Candidate($0, "") }
    #expect(Completion(range: 0..<0, candidates: candidates).common == "sam")
    #expect(Completion(range: 0..<0).common == "")
  }
}

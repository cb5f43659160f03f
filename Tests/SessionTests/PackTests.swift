import FoundationEssentials
import Language
import TestSupport
import Testing

@testable import Session

/// A session on a standard library in a temporary folder.
private final class Library {
  let folder: String
  private(set) lazy var bench = Bench(standardLibrary: folder)
  var session: Session { bench.session }
  var recorder: Recorder { bench.recorder }

  init(_ files: [String: String]) throws {
    folder = try Shared.temporaryFolder()
    for (name, text) in files {
      let path = "\(folder)/\(name)"
      let parent = path.split(separator: "/").dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(
        atPath: "/\(parent)", withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(filePath: path))
    }
    try session.loadPrelude()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func run(_ text: String) throws { try bench.run(text) }
  func problems(_ text: String) -> [Diagnostic] { bench.problems(text) }
}

@Suite struct PackTests {
  private static let files = [
    "prelude.olv": """
    phi = load org/phi-large
    llama = load "$here/llama" dtype=bf16
    tiny = dataset org/data train=":50"
    gone = dataset nowhere.jsonl
    defaults quantize data=tiny.train samples=16
    ## Scores a model twice.
    def twice(data=tiny) { ppl $data; ppl $data }
    """,
    "demo/demo.olv": """
    phi = load ./phi dtype=f32
    tiny = dataset ./numbers.jsonl
    defaults quantize group=32
    """,
  ]

  /// Where there is no standard library at all, the way to one is said.
  @Test func withoutALibraryDoctorHelps() {
    let nowhere = UnknownPack(name: "demo", known: [], looked: [])
    #expect(nowhere.help?.contains("`olv doctor`") == true)
    #expect(UnknownPack(name: "demo", known: [], looked: ["a.olv"]).help == "looked for `a.olv`")
  }

  @Test func namesAreLookedUpWhereTheyAreNeeded() throws {
    let bench = try Library(Self.files)
    try bench.run(
      "load phi; ppl tiny; ppl tiny[:5]; ppl tiny.test[:5]; ppl $tiny; twice; twice tiny.train")
    #expect(bench.session.model?.lineage == "phi")
    #expect(
      bench.recorder.reports.map { $0.fields["data"] } == [
        "tiny", "tiny[:5]", "tiny.test[:5]", "tiny", "tiny", "tiny", "tiny.train", "tiny.train",
      ])
  }

  @Test func aNameStandsForItsCall() throws {
    let bench = try Library(Self.files)
    try bench.run("load llama")
    #expect(bench.session.model?.lineage == "llama bf16")
    try bench.run("load llama dtype=f32; $phi; each $m in [phi llama] { load $m; ppl }")
    #expect(bench.recorder.tables.first?.leaves.count == 2)
    #expect(bench.recorder.reports.map(\.model) == ["phi", "llama bf16"])
    #expect(bench.session.model?.lineage == "phi")
  }

  @Test func nothingIsOpenedBeforeItIsUsed() throws {
    let bench = try Library(Self.files)
    #expect(bench.problems("load phi; ppl").isEmpty)
    let problem = try #require(bench.problems("load phi; ppl gone").first)
    #expect(problem.message == "no dataset `nowhere.jsonl`")
    #expect(problem.span?.text == "gone")
    #expect(problem.notes == ["`gone` is defined in prelude, line 4"])
  }

  @Test func defaultsApplyAndAreSaid() throws {
    let bench = try Library(Self.files)
    try bench.run("load phi; quantize rtn; use demo; load phi; quantize rtn; quantize rtn group=64")
    #expect(
      bench.recorder.reports.map(\.model) == [
        "phi → rtn w4 tiny.train", "phi f32 → rtn w4 tiny.train",
        "phi f32 → rtn w4 tiny.train → rtn w4 tiny.train",
      ])
    #expect(
      bench.recorder.reports.map(\.notes) == [[], ["defaults of demo: group=32"], []])
    #expect(bench.recorder.reports.map(\.pack) == [nil, "demo", "demo"])
    #expect(bench.session.packNames == ["demo"])
    try bench.run("defaults quantize bits=3 group=16; load phi; quantize awq")
    #expect(
      bench.recorder.reports.last?.notes == ["defaults of this session: bits=3 group=16"])
  }

  @Test func aDefaultThatDoesNotFitIsExplained() throws {
    let bench = try Library(["prelude.olv": "defaults quantize bits=7"])
    let problem = try #require(bench.problems("load phi; quantize rtn").first)
    #expect(problem.span?.text == "quantize")
    #expect(problem.notes == ["the default `bits=7` comes from prelude"])
    #expect(bench.problems("load phi; quantize rtn bits=4").isEmpty)
  }

  @Test func useReplacesNames() throws {
    let bench = try Library(Self.files)
    try bench.run("use demo; load phi; ppl tiny")
    #expect(bench.session.model?.lineage == "phi f32")
    try bench.run("tiny = org/data[:3]; ppl tiny; ppl $tiny; tiny = 4")
    #expect(bench.recorder.reports.last?.fields["data"] == "org/data[:3]")
    #expect(bench.problems("ppl tiny").first?.message == "`tiny` is a number, not a dataset")
  }

  @Test func aPackRunsNothing() throws {
    let bench = try Library([
      "bad.olv": "load phi", "loop.olv": "use loop", "broken.olv": "x = = 3",
    ])
    #expect(bench.problems("use bad").first?.message.contains("nothing runs in it") == true)
    #expect(bench.problems("use loop").first?.message.contains("without end") == true)
    #expect(bench.problems("use broken").count == 1)
    #expect(bench.problems("use bda").first?.label == "did you mean `bad`?")
    #expect(bench.problems("use \"\(bench.folder)/bad.olv\"").first?.code == "bind.pack")
  }

  @Test func aNameThatMeansItselfIsRefused() throws {
    let bench = try Library(["prelude.olv": "a = $b\nb = $a\nphi = load phi"])
    #expect(bench.problems("print $a").first?.message.contains("defined by itself") == true)
    try bench.run("load phi")
    #expect(bench.session.model?.lineage == "phi")
  }
}

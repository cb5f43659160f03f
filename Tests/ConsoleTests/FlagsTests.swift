import Testing

@testable import Console

@Suite struct FlagsTests {
  @Test func flagsMayStandAnywhere() throws {
    let before = try Flags(["--json", "--device", "cpu", "--use=demo", "run.olv", "a", "b"])
    let after = try Flags(["run.olv", "a", "--device=cpu", "b", "--use", "demo", "--json"])
    #expect(before == after)
    #expect(before.action == .file("run.olv", stays: false))
    #expect(before.arguments == ["a", "b"] && before.packs == ["demo"] && before.format == .json)
  }

  @Test(arguments: [
    ([], Flags.Action.prompt), (["-c", "load phi; ppl"], .text("load phi; ppl")),
    (["-i", "a.olv"], .file("a.olv", stays: true)), (["-"], .standardInput),
    (["help"], .help(nil)), (["help", "ppl", "--json"], .help("ppl")),
    (["ppl", "--help"], .help("ppl")), (["--help"], .usage), (["--version", "x"], .version),
    (["--", "--odd.olv"], .file("--odd.olv", stays: false)),
  ])
  func actions(_ words: [String], _ action: Flags.Action) throws {
    #expect(try Flags(words).action == action)
  }

  @Test(arguments: [
    ([String](["--jsn"]), "no flag `--jsn`", "did you mean `--json`?"),
    (["--device", "cdua"], "no device `cdua`", "did you mean `cuda`?"),
    (["--device=cuda:x"], "no device `cuda:x`", "did you mean `cuda`?"),
    (["--compute", "f16"], "no compute `f16`", "did you mean `bf16`?"),
    (
      ["--format", "xml"], "no format `xml`", "--format table|md|csv        how reports are written"
    ),
    (["--use"], "`--use` needs a value", nil), (["--json=yes"], "`--json` takes no value", nil),
    (["-x"], "no flag `-x`", nil), (["help", "a", "b"], "`olv help` takes one verb", nil),
  ])
  func mistakes(_ words: [String], _ message: String, _ help: String?) {
    let failure = #expect(throws: UsageFailure.self) { try Flags(words) }
    #expect(failure?.message == message)
    if let help { #expect(failure?.help == help) }
  }
}

import Testing

@testable import Console

@Suite struct FlagsTests {
  @Test func flagsMayStandAnywhere() throws {
    let before = try Flags(["--json", "--device", "cpu", "--use=demo", "run.olv", "a", "b"])
    let after = try Flags(["run.olv", "a", "--device=cpu", "b", "--use", "demo", "--json"])
    #expect(before == after)
    #expect(before.action == .file("run.olv", stays: false))
    #expect(
      before.arguments.words == ["a", "b"] && before.packs == ["demo"] && before.format == .json)
  }

  @Test(arguments: [
    ([], Flags.Action.prompt), (["-c", "load phi; ppl"], .text("load phi; ppl")),
    (["-i", "a.olv"], .file("a.olv", stays: true)), (["-"], .standardInput),
    (["help"], .help(nil)), (["help", "ppl", "--json"], .help("ppl")),
    (["ppl", "--help"], .help("ppl")), (["--help"], .usage), (["--version", "x"], .version),
    (["--", "--odd.olv"], .file("--odd.olv", stays: false)),
    (["check", "a.olv", "b.olv"], .check(["a.olv", "b.olv"])),
    (["fmt", "a.olv", "--check"], .format(["a.olv"], checks: true)),
    (["fmt", "-"], .format(["-"], checks: false)),
    (["a.olv", "--help"], .scriptHelp("a.olv")),
    (["a.olv", "--data=x"], .file("a.olv", stays: false)),
  ])
  func actions(_ words: [String], _ action: Flags.Action) throws {
    #expect(try Flags(words).action == action)
  }

  @Test func whatIsBehindTheFileIsTheScripts() throws {
    let flags = try Flags(["run.olv", "--data=x", "--quiet", "7", "--", "--json"])
    #expect(flags.isQuiet && flags.format == .table)
    #expect(flags.arguments.words == ["--data=x", "7", "--json"])
    #expect(flags.arguments.literalFrom == 2)
  }

  @Test func theCacheCanBeLeftOut() throws {
    #expect(try Flags(["ppl.olv"]).caches)
    #expect(try !Flags(["ppl.olv", "--no-cache"]).caches)
  }

  private static let mistaken: [([String], String, String?)] = [
    (["--jsn"], "no flag `--jsn`", "did you mean `--json`?"),
    (["--device", "cdua"], "no device `cdua`", "did you mean `cuda`?"),
    (["--device=cuda:x"], "no device `cuda:x`", "did you mean `cuda`?"),
    (["--compute", "f16"], "no compute `f16`", "did you mean `bf16`?"),
    (
      ["--format", "xml"], "no format `xml`", "--format table|md|csv        how reports are written"
    ),
    (["--use"], "`--use` needs a value", nil), (["--json=yes"], "`--json` takes no value", nil),
    (["-x"], "no flag `-x`", nil), (["check"], "`olv check` needs a file", nil),
    (["fmt", "--chek", "a"], "`olv fmt` has no flag `--chek`", nil),
    (["help", "a", "b"], "`olv help` takes one verb", nil),
  ]

  @Test(arguments: mistaken)
  func mistakes(_ words: [String], _ message: String, _ help: String?) {
    let failure = #expect(throws: UsageFailure.self) { try Flags(words) }
    #expect(failure?.message == message)
    if let help { #expect(failure?.help == help) }
  }
}

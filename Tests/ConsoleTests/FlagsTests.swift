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
    (["--jsn"], "no flag `--jsn`", "--json"),
    (["--device", "cdua"], "no device `cdua`", "cuda"),
    (["--device=cuda:x"], "no device `cuda:x`", "cuda"),
    (["--compute", "f16"], "no compute `f16`", "bf16"),
    (
      ["--format", "xml"], "no format `xml`", nil
    ),
    (["--use"], "`--use` needs a value", nil), (["--json=yes"], "`--json` takes no value", nil),
    (["-x"], "no flag `-x`", nil), (["check"], "`olv check` needs a file", nil),
    (["fmt", "--chek", "a"], "`olv fmt` has no flag `--chek`", nil),
    (["help", "a", "b"], "`olv help` takes one verb", nil),
  ]

  @Test(arguments: mistaken)
  func mistakes(_ words: [String], _ message: String, _ meant: String?) {
    let failure = #expect(throws: UsageFailure.self) { try Flags(words) }
    #expect(failure?.message == message)
    #expect(failure?.meant == meant)
  }
}

import FoundationEssentials
import JSON
import TestSupport
import Testing

/// What is promised about how olv runs, sentence by sentence, on the demo's model: which stream gets what, in which form.
/// `FlagsTests` reads the flags alone and `ProgramTests` the exit codes.
@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct RunningTests {
  private static let library = "\(Shared.root)/stdlib"
  private static let line = "load phi; quantize rtn | ppl tiny-codes[5000:5002]"

  private func run(_ words: [String], input: String = "", under: String = "") throws -> Program {
    try Program(
      ["--use", "demo", "--device", "cpu"] + words, input: input, library: Self.library,
      under: under)
  }

  /// "Flags may stand before or after the file or subcommand."
  @Test func flagsStandBeforeOrAfter() throws {
    let before = try Program(["--use", "demo", "-c", "load phi"], library: Self.library)
    let after = try Program(["-c", "load phi", "--use", "demo"], library: Self.library)
    #expect(before.status == 0 && after.status == 0)
    #expect(before.out.contains("6 layers") && after.out.contains("6 layers"))
  }

  /// "Reports go to stdout; progress and diagnostics to stderr; no bars when stderr is no tty."
  @Test func reportsAndProgressHaveTheirStreams() throws {
    let program = try run(["-c", "load phi; ppl tiny-codes[5000:5100]\nexpect below=1"])
    #expect(program.status == 1)
    #expect(program.out.contains("perplexity of tiny-codes[5000:5100]"))
    #expect(!program.out.contains("error:") && program.err.contains("error:"))
    // A line every tenth at most, and nothing that moves a cursor.
    let progress = program.err.split(separator: "\n").filter { $0.hasPrefix("ppl ") }
    #expect(progress.count <= 10, "\(progress)")
    #expect(!(program.out + program.err).contains { $0 == "\r" || $0 == "\u{1B}" })
    #expect(!program.out.contains("ETA"))
  }

  /// "--quiet": no progress; the reports stay.
  @Test func quietLeavesProgressOut() throws {
    let program = try run(["--quiet", "-c", Self.line])
    #expect(program.status == 0 && program.err.isEmpty && program.out.contains("perplexity"))
  }

  /// "--json (one JSON object per report on stdout)", each with the common fields; tables are columns and rows.
  @Test func jsonIsALineForEachReport() throws {
    let program = try run([
      "--json", "-c", Self.line + "; { a: ppl tiny-codes[5000:5001] }",
    ])
    #expect(program.status == 0)
    let objects = try program.out.split(separator: "\n").map { line in
      try #require(try JSON.parse(String(line)).objectValue)
    }
    #expect(
      objects.compactMap { $0["verb"]?.stringValue } == ["load", "quantize", "ppl", "ppl", "table"])
    for object in objects where object["verb"] != nil {
      for key in ["label", "model", "device", "seconds"] { #expect(object[key] != nil) }
    }
    #expect(objects[2]["model"]?.stringValue == "phi → rtn w4 g128")
    #expect(objects.contains { $0["columns"] != nil && $0["rows"] != nil })
  }

  /// "--format table|md|csv".
  @Test func formatsOfTables() throws {
    let arms = "load phi; { a: ppl tiny-codes[5000:5001] }"
    let csv = try run(["--format", "csv", "-c", arms]).out.split(separator: "\n")
    #expect(csv.contains { $0.hasPrefix("label,value,nll,tokens,") })
    let markdown = try run(["--format", "md", "-c", arms]).out.split(separator: "\n")
    #expect(markdown.contains { $0.hasPrefix("| label | value | nll |") })
    #expect(markdown.contains { $0.hasPrefix("| --- | --- |") })
  }

  /// "--compute auto|f32|bf16 (auto: the model's own precision)".
  @Test func precisionIsTheModelsOwnUnlessSaid() throws {
    #expect(try run(["--compute", "f32", "-c", "load phi"]).out.contains("computing in f32"))
    #expect(
      try run(["-c", "load phi dtype=f32"]).out.contains("computing in f32"))
  }

  /// "NO_COLOR, FORCE_COLOR, TERM=dumb respected."
  @Test(arguments: [
    ("env -u NO_COLOR FORCE_COLOR=1", true), ("env FORCE_COLOR=0", false),
    ("env FORCE_COLOR=", false),
    ("env NO_COLOR=1", false), ("env TERM=dumb", false),
  ])
  func coloursAreAskedFor(_ under: String, _ isColoured: Bool) throws {
    let program = try run(["-c", "prnt 1"], under: under)
    #expect(program.status == 2 && program.err.contains("did you mean `print`?"))
    #expect(program.err.contains("\u{1B}[") == isColoured)
  }

  /// "olv -i FILE (then stay)": what the file made is there; results are recalled.
  @Test func filesCanBeStayedIn() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    try Shared.write("load phi; x = 4k", to: "\(folder)/first.olv")
    let program = try run(
      ["-i", "\(folder)/first.olv"], input: "print $x\nppl tiny-codes[5000:5001]\nprint $_.tokens\n"
    )
    #expect(program.status == 0, "\(program.err)")
    let lines = program.out.split(separator: "\n")
    #expect(lines.contains("4k"))
    #expect(lines.last.flatMap { Int($0) } != nil)
  }
}

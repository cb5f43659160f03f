import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The built program, as a user starts it.
struct Program {
  var status: Int32
  var out: String
  var err: String

  /// - Parameters:
  ///   - home: Where it is started.
  ///   - under: Another program that starts it.
  init(
    _ words: [String], input: String = "", library: String = "/nonexistent",
    folder home: String = ".", under: String = ""
  ) throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(input.utf8).write(to: URL(filePath: "\(folder)/in"))
    func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
    let command =
      "cd \(quoted(home)) && OLV_CACHE=\(folder)/cache OLV_STDLIB=\(quoted(library)) \(under) "
      + "\(quoted(BuiltProgram.path ?? "olv")) "
      + words.map(quoted).joined(separator: " ")
      + " < \(folder)/in > \(folder)/out 2> \(folder)/err"
    status = (system(command) >> 8) & 0xFF
    out = String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/out")), as: UTF8.self)
    err = String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/err")), as: UTF8.self)
  }
}

/// A folder of files while a body runs.
private enum Folder {
  static func with(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
    try body(folder)
  }
}

@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct ProgramTests {
  @Test func linesRun() throws {
    let program = try Program(["-c", "x = 4k; print $x"])
    #expect(program.status == 0 && program.out == "4k\n" && program.err.isEmpty)
  }

  @Test func standardInputIsAScript() throws {
    let program = try Program([], input: "print 1\nprint 2\n")
    #expect(program.status == 0 && program.out == "1\n2\n")
    let wrong = try Program([], input: "print 1\nprnt 2\n")
    #expect(wrong.status == 2 && wrong.out.isEmpty)
    #expect(wrong.err.contains("did you mean `print`?"))
  }

  @Test func filesRunWithArguments() throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/run.olv"
    try Data("#!/usr/bin/env olv\nprint $args[1] $args".utf8).write(to: URL(filePath: path))
    #expect(try Program([path, "a", "b"]).out == "b a b\n")
    let wrong = try Program([path, "a"])
    #expect(wrong.status == 2 && wrong.err.contains("run.olv:2:12"))
    #expect(try Program(["\(folder)/none.olv"]).status == 2)
    #expect(try Program(["-i", path, "a", "b"], input: "print $_").out == "b a b\n")
  }

  private static let main = """
    #!/usr/bin/env olv
    print "first"
    ## Shows what it is given.
    def main(what: text, times: int = 2, loud: yesno = no) { print $what $times $loud }
    """

  @Test(
    arguments: [
      (["--what=a b"], 0, "first\na b 2 no\n", ""),
      (["x", "--times", "4k", "--loud"], 0, "first\nx 4k yes\n", ""),
      (["--times=3", "$what \"q\"\n(x"], 0, "first\n$what \"q\"\n(x 3 no\n", ""),
      (["--", "--what"], 0, "first\n--what 2 no\n", ""),
      ([], 2, "", "`main` needs `what`"),
      (["a", "--tmes=3"], 2, "", "did you mean `--times`?"),
      (["a", "--times=x"], 2, "", "--times=x\n"),
    ] as [([String], Int, String, String)])
  func mainTakesArguments(_ words: [String], _ status: Int, _ out: String, _ err: String) throws {
    try Folder.with(["run.olv": Self.main]) { folder in
      let program = try Program(["\(folder)/run.olv"] + words)
      #expect(Int(program.status) == status && program.out == out, "\(program)")
      #expect(program.err.contains(err), "\(program.err)")
    }
  }

  @Test func scriptsExplainThemselves() throws {
    try Folder.with(["run.olv": Self.main, "plain.olv": "print $args"]) { folder in
      let help = try Program(["\(folder)/run.olv", "--help"])
      #expect(help.status == 0)
      #expect(help.out.contains("run.olv --what=… [--times=2] [--loud=no]"), "\(help.out)")
      #expect(help.out.contains("Shows what it is given."))
      #expect(help.out.contains("a whole number"))
      #expect(try Program(["\(folder)/plain.olv", "--help"]).out.contains("takes no arguments"))
      let refused = try Program(["\(folder)/plain.olv", "--jsn"])
      #expect(refused.status == 2 && refused.err.contains("takes no `--jsn`"))
      #expect(try Program(["\(folder)/plain.olv", "--", "--jsn"]).out == "--jsn\n")
    }
  }

  @Test func checkRunsNothing() throws {
    try Folder.with([
      "good.olv": "print 1", "bad.olv": "print 1\nprnt 2\nhelp bts=3\nprint $x",
      "worse.olv": "print (\nhelp bts=3",
    ]) { folder in
      let good = try Program(["check", "\(folder)/good.olv"])
      #expect(good.status == 0 && good.out.isEmpty && good.err.isEmpty)
      let bad = try Program(["check", "\(folder)/good.olv", "\(folder)/bad.olv"])
      #expect(bad.status == 2 && bad.out.isEmpty)
      for part in ["bad.olv:2:1", "bad.olv:3:6", "bad.olv:4:7"] { #expect(bad.err.contains(part)) }
    }
  }

  @Test func fmtLaysOut() throws {
    try Folder.with(["a.olv": "print   1;print 2 # two\n", "b.olv": "print 1\n", "c.olv": "("]) {
      folder in
      let path = "\(folder)/a.olv"
      _ = chmod(path, 0o755)
      let check = try Program(["fmt", "--check", path, "\(folder)/b.olv"])
      #expect(check.status == 1 && check.out == path + "\n")
      #expect(try Program(["fmt", path, "\(folder)/b.olv"]).status == 0)
      let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
      #expect(text == "print 1; print 2  # two\n")
      #expect(access(path, X_OK) == 0)
      #expect(try Program(["fmt", "--check", path]).status == 0)
      #expect(try Program(["fmt", "\(folder)/c.olv"]).status == 2)
      #expect(try Program(["fmt", "-"], input: "print  1").out == "print 1\n")
      #expect(try Program(["fmt", "\(folder)/none.olv"]).status == 2)
    }
  }

  @Test func statuses() throws {
    #expect(try Program(["-c", "print 1 | expect below=3"]).status == 2)
    #expect(try Program(["-c", "print ("]).status == 2)
    #expect(try Program(["--wrong"]).status == 2)
    #expect(try Program(["--device", "cdua", "-c", "print 1"]).status == 2)
    #expect(try Program(["--version"]).out.hasPrefix("olv "))
    #expect(try Program(["-c", "print 1; expect above=3"]).status == 2)
  }

  @Test func jsonErrors() throws {
    let program = try Program(["-c", "print 1\nprnt 2", "--json"])
    #expect(program.status == 2)
    #expect(
      program.out
        == #"{"error":"bind.verb","message":"no verb `prnt`","line":2,"column":1,"#
        + #""label":"did you mean `print`?","help":null,"notes":[],"correction":"print 2"}"#
        + "\n")
  }

  @Test func helpNeedsNoLibrary() throws {
    let program = try Program(["help", "print"])
    #expect(program.status == 0 && program.out.contains("print [values…]"))
    #expect(try Program(["help", "--json"]).out.hasPrefix(#"{"verb":"help""#))
    #expect(try Program(["help", "prnt"]).status == 2)
  }
}

import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The built program, as a user starts it.
private struct Program {
  var status: Int32
  var out: String
  var err: String

  /// It lies beside the test bundle.
  static let path: String? = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else { return nil }
    let bundle = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let candidates = [
      bundle.split(separator: "/").dropLast().joined(separator: "/"),
      "\(Shared.root)/.build/debug".split(separator: "/").joined(separator: "/"),
    ]
    return candidates.map { "/\($0)/olv" }.first { access($0, X_OK) == 0 }
  }()

  init(_ words: [String], input: String = "", library: String = "/nonexistent") throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(input.utf8).write(to: URL(filePath: "\(folder)/in"))
    func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
    let command =
      "OLV_STDLIB=\(quoted(library)) \(quoted(Program.path ?? "olv")) "
      + words.map(quoted).joined(separator: " ")
      + " < \(folder)/in > \(folder)/out 2> \(folder)/err"
    status = (system(command) >> 8) & 0xFF
    out = String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/out")), as: UTF8.self)
    err = String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/err")), as: UTF8.self)
  }
}

@Suite(.enabled(if: Program.path != nil, "the program is built with the tests"))
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

  @Test func statuses() throws {
    #expect(try Program(["-c", "print 1 | expect below=3"]).status == 2)
    #expect(try Program(["-c", "print ("]).status == 2)
    #expect(try Program(["--wrong"]).status == 2)
    #expect(try Program(["--device", "cuda:9", "-c", "print 1"]).status == 2)
    #expect(try Program(["--version"]).out.hasPrefix("olv "))
    #expect(try Program(["-c", "print 1; expect above=3"]).status == 2)
  }

  @Test func jsonErrors() throws {
    let program = try Program(["-c", "print 1\nprnt 2", "--json"])
    #expect(program.status == 2)
    #expect(
      program.out
        == #"{"error":"bind.verb","message":"no verb `prnt`","line":2,"column":1,"help":null}"#
        + "\n")
  }

  @Test func helpNeedsNoLibrary() throws {
    let program = try Program(["help", "print"])
    #expect(program.status == 0 && program.out.contains("print [values…]"))
    #expect(try Program(["help", "--json"]).out.hasPrefix(#"{"verb":"help""#))
    #expect(try Program(["help", "prnt"]).status == 2)
  }
}

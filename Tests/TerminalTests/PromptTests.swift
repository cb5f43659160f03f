import FoundationEssentials
import PseudoTerminal
import Runtime
import TestSupport
import Testing

/// The prompt, at the keys of a real terminal.
@Suite(.serialized, .enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct PromptTests {
  private static let control = (c: "\u{3}", d: "\u{4}", r: "\u{12}", a: "\u{1}")
  private static let up = "\u{1B}[A"

  private func withHome(_ body: (String) throws -> Void) throws {
    let home = try Shared.temporaryFolder()
    defer { Shared.remove(home) }
    try body(home)
  }

  @Test func completion() throws {
    try withHome { home in
      let session = try TerminalSession(["--use", "demo"], home: home)
      try session.waitForPrompt(1)
      session.type("lo\t")
      try session.waitForCursor(behind: "In [1]: load ")
      session.type("p\t")
      try session.waitForCursor(behind: "In [1]: load phi ")
      session.type("\r")
      try session.waitForPrompt(2)
      session.type("quantize g\tsam\t8 bits=\t")
      // The choices, the default marked, and the line again below them.
      try session.wait(for: "4  default; bits per weight")
      try session.waitForCursor(behind: "In [2]: quantize gptq samples=8 bits=")
      session.type("\u{15}prin\t$\u{7F}\"ä\" $\t")
      try session.wait(for: "load ./phi")
      try session.waitForCursor(behind: "In [2]: print \"ä\" $")
      try session.leave(2)
      session.type("finetune data=tiny-c\t")
      try session.waitForCursor(behind: "In [2]: finetune data=tiny-codes ")
      try session.leave(2)
      session.type("zzz\t")
      try session.waitForCursor(behind: "In [2]: zzz")
      try session.leave(2)
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
    }
  }

  @Test func historyAcrossSessions() throws {
    try withHome { home in
      let first = try TerminalSession(home: home)
      try first.waitForPrompt(1)
      first.type("print \"one\\\\ two\"\r")
      try first.waitForPrompt(2)
      first.type("each $n in [1 2] {\r")
      try first.waitForCursor(behind: "   ...: ")
      first.type("print \"is $n\" }\r")
      try first.waitForPrompt(3)
      first.type("token=abc\r")
      try first.waitForPrompt(4)
      first.type("print last\r")
      try first.waitForPrompt(5)
      first.type(Self.control.d)
      #expect(try first.waitForEnd() == 0)

      let second = try TerminalSession(home: home)
      try second.waitForPrompt(1)
      // Neither the secret nor a part of the block comes between.
      second.type(Self.up)
      try second.waitForCursor(behind: "In [1]: print last")
      second.type(Self.up)
      try second.waitForCursor(behind: "print \"is $n\" }")
      second.type("\r")
      try second.wait(for: "is 2")
      try second.waitForPrompt(2)
      second.type(Self.control.r + "one")
      try second.wait(for: "print \"one\\\\ two\"")
      second.type("\u{1B}")
      second.type("\r")
      try second.wait(for: "one\\ two", times: 1)
      try second.waitForPrompt(3)
      // What is typed is looked for.
      second.type("each" + Self.up)
      try second.waitForCursor(behind: "print \"is $n\" }")
      try second.leave(3)
      second.type("exit\r")
      #expect(try second.waitForEnd() == 0)
      let path = "\(home)/state/olv/history"
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o777 } == 0o600)
      #expect(!(try String(contentsOfFile: path, encoding: .utf8)).contains("token"))
    }
  }

  @Test func inputsOfSeveralLines() throws {
    try withHome { home in
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("{ a: print 1 |\r")
      try session.waitForCursor(behind: "   ...: ")
      session.type("\t")
      try session.wait(for: "expect")
      session.type("print 2\r")
      try session.wait(for: "   ...: print 2")
      session.type(" b: print (print\r")
      session.type("4)\r")
      session.type("}\r")
      try session.waitForPrompt(2)
      // Ctrl-C leaves an input that was begun.
      session.type("print [1 2\r")
      try session.waitForCursor(behind: "   ...: ")
      try session.leave(2)
      session.type("print $_\r")
      try session.waitForPrompt(3)
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
    }
  }

  /// A string ends on its line, so that waiting for more would help nobody.
  @Test func openStringsAreRefusedAtOnce() throws {
    try withHome { home in
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("{ a: print \"one\r")
      try session.wait(for: "error: the string has no closing quote")
      try session.wait(for: "help: a string ends on its line; `\\n` stands for a new line")
      try session.waitForPrompt(2)
      #expect(session.screen.lines.count { $0.hasPrefix("error:") } == 1)
      session.type("print \"one\\ntwo\"\r")
      try session.wait(for: "two")
      try session.waitForPrompt(3)
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
    }
  }

  @Test func pastedTextIsOneInput() throws {
    try withHome { home in
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("\u{1B}[200~print one\rprint \"two\tthree\"\r\u{1B}[201~")
      try session.waitForCursor(behind: "print \"two three\"")
      session.type("\r")
      try session.wait(for: "two three", times: 2)
      try session.waitForPrompt(2)
      session.type("history\r")
      try session.waitForPrompt(3)
      #expect(session.screen.lines.contains { $0.hasPrefix("1  print one␊print") })
      session.type(Self.control.d)
      _ = try session.waitForEnd()
    }
  }

  @Test func resultsAndHelp() throws {
    try withHome { home in
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("t = { a: print 1; b: print 2 }\r")
      try session.waitForPrompt(2)
      try session.wait(for: "Out[1]:")
      session.type("print? \r")
      try session.wait(for: "print: shows values")
      try session.waitForPrompt(3)
      session.type("? prnt\r")
      try session.wait(for: "no verb and no topic `prnt`")
      try session.wait(for: "did you mean `print`?")
      session.type("prnt\r")
      try session.wait(for: "no verb `prnt`")
      try session.waitForPrompt(5)
      session.type(Self.control.d)
      _ = try session.waitForEnd()
    }
  }

  /// `$_` is the last result, `$1` the one of the first prompt; completion says what each is.
  @Test func resultsAreRecalled() throws {
    try withHome { home in
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("row rows=4k\r")
      try session.waitForPrompt(2)
      session.type("row rows=5\r")
      try session.waitForPrompt(3)
      session.type("print $1.rows $_.rows\r")
      try session.wait(for: "4000 5")
      try session.waitForPrompt(4)
      session.type("print $\t")
      try session.wait(for: "the last result: row")
      try session.wait(for: "the line again") { $0.cursorLine == "In [4]: print $" }
      session.type("7\r")
      try session.wait(for: "there is no result `$7`")
      try session.waitForPrompt(5)
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
    }
  }

  @Test func resizing() throws {
    try withHome { home in
      let session = try TerminalSession(home: home, columns: 100)
      try session.waitForPrompt(1)
      session.type("help\r")
      try session.waitForPrompt(2)
      let wide = session.screen.lines.map(\.count).max() ?? 0
      session.type("print \"abc")
      try session.waitForCursor(behind: "In [2]: print \"abc")
      session.resize(columns: 50)
      session.type("def 量化 ghi jkl mno pqr stu vwx\"")
      // Fifty columns wrap it.
      try session.wait(for: "the wrapped line") {
        $0.lines.suffix(2).joined().hasSuffix("pqr stu vwx\"")
      }
      session.type("\r")
      try session.wait(for: "abcdef 量化 ghi jkl mno pqr stu vwx", times: 1)
      try session.waitForPrompt(3)
      let before = session.screen.lines.count
      session.type("help\r")
      try session.waitForPrompt(4)
      let narrow = session.screen.lines[before...].map(\.displayWidth).max() ?? 0
      #expect(wide > 60 && narrow <= 50 && narrow > 30)
      session.type(Self.control.d)
      _ = try session.waitForEnd()
    }
  }

  @Test func allOfUnicode() throws {
    try withHome { home in
      for locale in ["C.UTF-8", "C", ""] {
        let session = try TerminalSession(
          home: home, environment: ["LANG": locale, "LC_ALL": locale])
        try session.waitForPrompt(1)
        session.type("print \"größer → 量化 🙂 ok\"")
        try session.waitForCursor(behind: "In [1]: print \"größer → 量化 🙂 ok\"")
        // Keys move over whole characters.
        session.type("\u{1B}[D\u{1B}[D\u{1B}[D\u{1B}[D\u{7F}\u{7F}\r")
        try session.waitForPrompt(2)
        #expect(session.screen.lines.contains("größer → 量化 ok"))
        session.type(Self.control.d)
        #expect(try session.waitForEnd() == 0)
      }
    }
  }

  @Test func keysOfVi() throws {
    try withHome { home in
      try Shared.write("bind -v\n", to: "\(home)/.editrc")
      let session = try TerminalSession(home: home)
      try session.waitForPrompt(1)
      session.type("prin\t123")
      try session.waitForCursor(behind: "In [1]: print 123")
      session.type("\u{1B}")
      session.type("x")
      try session.wait(for: "a shorter line") { $0.lines.last == "In [1]: print 12" }
      session.type("\r")
      try session.waitForPrompt(2)
      #expect(session.screen.lines.contains("12"))
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
    }
  }

  @Test func dumbTerminals() throws {
    try withHome { home in
      let session = try TerminalSession(
        ["--use", "demo"], home: home, environment: ["TERM": "dumb"])
      try session.waitForPrompt(1)
      session.type("load phi; ppl tiny-codes[5000:5002] | plot\n")
      try session.waitForPrompt(2)
      #expect(session.screen.lines.contains { $0.contains("|####") })
      session.type("print [1\n")
      try session.waitForCursor(behind: "   ...: ")
      session.type("2]\n")
      try session.waitForPrompt(3)
      session.type(Self.control.d)
      #expect(try session.waitForEnd() == 0)
      // Not a single escape sequence.
      #expect(!session.raw.contains(0x1B))
    }
  }

  @Test func colours() throws {
    try withHome { home in
      for (variables, hasColour) in [([:], true), (["NO_COLOR": "1"], false)] {
        let session = try TerminalSession(home: home, environment: variables)
        try session.waitForPrompt(1)
        session.type("prnt\r")
        try session.wait(for: "no verb")
        try session.waitForPrompt(2)
        session.type(Self.control.d)
        _ = try session.waitForEnd()
        let text = String(decoding: session.raw, as: UTF8.self)
        #expect(text.contains("\u{1B}[1;31m") == hasColour)
        #expect(text.contains("\u{1B}[32m") == hasColour)
      }
    }
  }
}

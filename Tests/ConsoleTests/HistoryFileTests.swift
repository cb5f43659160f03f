import FoundationEssentials
import TestSupport
import Testing

@testable import Console

@Suite struct HistoryFileTests {
  private func withFile(limit: Int = 2000, _ body: (HistoryFile) throws -> Void) throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    try body(HistoryFile(path: "\(folder)/history", limit: limit))
  }

  @Test func entriesComeBackWhole() throws {
    try withFile { file in
      #expect(file.load().isEmpty)
      let entries = [
        "load phi", "{ a: ppl\n  b: ppl }", "print \"a\\n\\\\b\"", "größer 量化 🙂", "\\", "a\\\nb",
      ]
      for entry in entries { file.append(entry) }
      #expect(file.load() == entries)
      #expect(HistoryFile(path: file.path, limit: 2).load() == Array(entries.suffix(2)))
    }
  }

  @Test func secretsAreNotKept() throws {
    try withFile { file in
      for secret in [
        "login hf_abcdefghijklmnopqrstuvwx", "print hf_ABCDEFGHIJ0123456789", " print hidden",
        "x = \"github_pat_0123456789abcdef01234\"", "download token=abc", "",
      ] {
        file.append(secret)
      }
      file.append("print hf_short")
      #expect(file.load() == ["print hf_short"])
    }
  }

  @Test func onlyItsOwnerReadsIt() throws {
    try withFile { file in
      file.append("print 1")
      let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o777 } == 0o600)
    }
  }

  @Test func longFilesAreCut() throws {
    try withFile(limit: 10) { file in
      for number in 0..<25 { file.append("print \(number)") }
      #expect(file.load() == (15..<25).map { "print \($0)" })
      let text = String(
        decoding: try Data(contentsOf: URL(filePath: file.path)), as: UTF8.self)
      #expect(text == (15..<25).map { "print \($0)\n" }.joined())
    }
  }

  @Test func brokenFilesAreRead() throws {
    try withFile { file in
      try Data([0x61, 0x0A, 0xFF, 0xFE, 0x0A, 0x5C, 0x0A, 0x62]).write(to: URL(filePath: file.path))
      let entries = file.load()
      #expect(entries.count == 4 && entries.first == "a" && entries.last == "b")
    }
  }

  /// Sessions that write at once lose nothing of each other.
  @Test func severalSessions() async throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let path = "\(folder)/history"
    await withTaskGroup { group in
      for session in 0..<4 {
        group.addTask {
          for number in 0..<50 { HistoryFile(path: path).append("\(session) \(number)\nx") }
        }
      }
    }
    let entries = HistoryFile(path: path).load()
    #expect(entries.count == 200 && Set(entries).count == 200)
  }
}

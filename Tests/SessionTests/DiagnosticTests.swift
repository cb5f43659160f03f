import FoundationEssentials
import Language
import TestSupport
import Testing

@testable import Session

/// What is wrong with a script is said as `Tests/Fixtures/diagnostics.txt` has it.
@Suite struct DiagnosticTests {
  struct Golden: Sendable, CustomTestStringConvertible {
    var script: String
    var expected: String
    var testDescription: String { script }
  }

  static var goldens: [Golden] {
    let path = "\(Shared.fixtures)/diagnostics.txt"
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(separator: ">>> ", omittingEmptySubsequences: true).map { part in
      let lines = part.split(separator: "\n", omittingEmptySubsequences: false)
      let expected = lines.dropFirst().joined(separator: "\n")
      return Golden(
        script: String(lines.first ?? ""),
        expected: expected.split(separator: "\n").joined(separator: "\n"))
    }
  }

  @Test func thereAreGoldens() { #expect(Self.goldens.count > 50) }

  @Test(arguments: goldens) func reads(_ golden: Golden) {
    let found = Bench().rendered(golden.script)
    #expect(found == golden.expected, "\n\(found)\n")
  }
}

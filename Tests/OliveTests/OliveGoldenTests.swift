import Language
import TestSupport
import Testing

@testable import Olive

/// What is said about commands and workflows: `Tests/Fixtures/Diagnostics/olive.txt`.
@Suite struct OliveGoldenTests {
  @Test func goldens() throws {
    let goldens = Goldens("olive")
    #expect(goldens.cases.count > 30)
    let differences = try goldens.differences { input in
      let lines = input.split(separator: "\n", omittingEmptySubsequences: false)
      let words = (lines.first ?? "").split(separator: " ").map(String.init)
      let file = lines.dropFirst().joined(separator: "\n")
      var found: [Diagnostic]
      do {
        found = try OliveCommand.translate(words[0], Array(words.dropFirst())) { name in
          switch name {
          case "large.yaml":
            Source(name: name, text: String(repeating: "#\n", count: 3 << 20))
          case "latin.yaml": Source(name: name, bytes: [0x61, 0x3A, 0x20, 0xFC, 0x0A])
          default: Source(name: name, text: file)
          }
        }.notes
      } catch let set as DiagnosticSet { found = set.diagnostics }
      return found.map { "[\($0.code)]\n\($0.rendered())" }.joined(separator: "\n")
    }
    for difference in differences { Issue.record("\(difference)") }
  }
}

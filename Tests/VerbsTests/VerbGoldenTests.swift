import FoundationEssentials
import Language
import Session
import TestSupport
import Testing

/// What real verbs say about mistakes, and warn of, as `Tests/Fixtures/Diagnostics/verbs.txt` has it.
@Suite(.serialized) struct VerbGoldenTests {
  static let folder = "/tmp/olv-goldens"

  @Test func goldens() throws {
    Shared.remove(Self.folder)
    try Shared.makeFolder("\(Self.folder)/dir.svg")
    try Shared.write("PAR1", to: "\(Self.folder)/rows.parquet")
    try Shared.write("{\"a\": 1}\n{\"a\" 2}\n", to: "\(Self.folder)/bad.jsonl")
    defer { Shared.remove(Self.folder) }
    // Paths in the cases start at the package's root, so that columns are the same wherever that is.
    #expect(FileManager.default.changeCurrentDirectoryPath(Shared.root))
    let goldens = Goldens("verbs")
    #expect(goldens.cases.count > 70)
    var corrections = 0
    let differences = try goldens.differences { script in
      let bench = try Workbench(prelude: script.hasPrefix("use demo"))
      let errors = bench.failure(script)
      return (bench.warnings + errors).map { diagnostic in
        #expect(diagnostic.source?.text == script, "\(script): \(diagnostic.message)")
        if let correction = diagnostic.correction {
          corrections += 1
          let corrected = try? Workbench().session.check(
            Source(name: "test", text: correction.text))
          #expect(
            corrected?.contains { $0.message == diagnostic.message } == false, "\(correction.line)")
        }
        let text = "[\(diagnostic.code)]\n\(diagnostic.rendered())"
        // What depends on the pack's text and on the machine is left out.
        return Self.portable(
          text.replacing(/(found|with|is) [0-9.]+( in|,| tokens)/) { "\($0.1) …\($0.2)" })
      }.joined(separator: "\n")
    }
    #expect(corrections >= 20)
    for difference in differences { Issue.record("\(difference)") }
  }

  /// The text with the package's root as `ROOT`, and the marks below such a line moved as far as it shrank.
  private static func portable(_ text: String) -> String {
    var shrunk = 0
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let pieces = line.split(separator: Shared.root, omittingEmptySubsequences: false)
      let marks = Substring(String(repeating: " ", count: 3) + "| ")
      defer { shrunk = (pieces.count - 1) * (Shared.root.count - 4) }
      guard pieces.count == 1, shrunk > 0, line.hasPrefix(marks) else {
        return pieces.joined(separator: "ROOT")
      }
      return String(marks + line.dropFirst(marks.count + shrunk))
    }.joined(separator: "\n")
  }
}

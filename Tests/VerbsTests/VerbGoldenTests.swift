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
    let goldens = Goldens("verbs")
    #expect(goldens.cases.count > 70)
    let differences = try goldens.differences { script in
      let bench = try Workbench(prelude: script.hasPrefix("use demo"))
      let errors = bench.failure(script)
      return (bench.warnings + errors).map { diagnostic in
        #expect(diagnostic.span != nil, "\(script): \(diagnostic.message)")
        let text = "[\(diagnostic.code)]\n\(diagnostic.rendered())"
        // What depends on the pack's text and on the machine is left out.
        return text.replacing(/(found|with|is) [0-9.]+( in|,| tokens)/) { "\($0.1) …\($0.2)" }
          .split(separator: Shared.root, omittingEmptySubsequences: false).joined(separator: "ROOT")
      }.joined(separator: "\n")
    }
    for difference in differences { Issue.record("\(difference)") }
  }
}

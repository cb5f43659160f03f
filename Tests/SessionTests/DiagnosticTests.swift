import Language
import TestSupport
import Testing

@testable import Session

/// What is wrong with a script is said as `Tests/Fixtures/Diagnostics` has it: code, message, place, label, help.
@Suite struct DiagnosticTests {
  @Test(arguments: ["syntax", "binder"]) func goldens(_ name: String) {
    let goldens = Goldens(name)
    #expect(goldens.cases.count > 20)
    for difference in goldens.differences({ Bench().rendered($0) }) {
      Issue.record("\(difference)")
    }
  }

  /// What a correction corrects is not said of the corrected script again.
  @Test(arguments: ["syntax", "binder"]) func correctionsAreRight(_ name: String) {
    var count = 0
    for golden in Goldens(name).cases {
      for diagnostic in Bench().problems(golden.input) {
        guard let correction = diagnostic.correction else { continue }
        count += 1
        let still = Bench().problems(correction.text).contains {
          $0.message == diagnostic.message && $0.span?.start == diagnostic.span?.start
        }
        #expect(!still, "\(correction.line): \(diagnostic.message)")
        #expect(!correction.line.contains("\n"))
      }
    }
    #expect(count >= (name == "binder" ? 30 : 5))
  }

  /// Nothing is said without a place in the text that it is about.
  @Test(arguments: ["syntax", "binder"]) func everyDiagnosticHasASpan(_ name: String) {
    for golden in Goldens(name).cases {
      for diagnostic in Bench().problems(golden.input) {
        #expect(
          diagnostic.source?.text == golden.input, "\(golden.input): \(diagnostic.message)")
      }
    }
  }
}

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

  /// Nothing is said without a place in the text that it is about.
  @Test(arguments: ["syntax", "binder"]) func everyDiagnosticHasASpan(_ name: String) {
    for golden in Goldens(name).cases {
      for diagnostic in Bench().problems(golden.input) {
        #expect(diagnostic.span != nil, "\(golden.input): \(diagnostic.message)")
      }
    }
  }
}

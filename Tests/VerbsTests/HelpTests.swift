import Session
import TestSupport
import Testing

/// Help says all there is to say about every verb.
@Suite struct HelpTests {
  static var verbs: [VerbDeclaration] { VerbRegistry(VerbRegistry.linked()).all }

  /// Numbers without a unit: ratios, counters of their own kind, and whatever a report's number is.
  static let pure: Set = [
    "seed", "number", "rank", "alpha", "dropout", "lr", "clip", "decay", "temperature", "top_k",
    "top_p", "damp", "level", "below", "above", "seeds", "scale", "count", "from",
  ]
  /// Verbs that implement what a paper proposes.
  static let published = ["quantize", "finetune", "diverge", "verdict"]

  @Test func everyVerbIsExplained() throws {
    // What the standard library defines is as good as a verb.
    let names = Set(Self.verbs.map(\.name) + (try Workbench().session.functions))
    for verb in Self.verbs {
      #expect(!verb.summary.isEmpty && !verb.summary.hasSuffix("."), "\(verb.name): summary")
      #expect(verb.examples.count >= 2, "\(verb.name) has \(verb.examples.count) examples")
      #expect(verb.examples.allSatisfy { !$0.explanation.isEmpty }, "\(verb.name): examples")
      #expect(!verb.type.seeAlso.isEmpty, "\(verb.name): see also")
      for other in verb.type.seeAlso {
        #expect(names.contains(other), "\(verb.name) sends to \(other), which is no verb")
      }
      if Self.published.contains(verb.name) { #expect(verb.type.paper != nil, "\(verb.name)") }
    }
  }

  @Test func everyParameterIsExplained() {
    for verb in Self.verbs {
      for parameter in verb.parameters {
        let name = "\(verb.name) \(parameter.name)="
        #expect(!parameter.summary.isEmpty && !parameter.summary.hasSuffix("."), "\(name)")
        let isNumber = parameter.typePhrase.contains("number") && parameter.choices == nil
        guard isNumber else { continue }
        let isMeasured = ["below", "above"].contains(parameter.name)
        #expect(parameter.range != nil || isMeasured, "\(name) has no range")
        #expect(parameter.unit != nil || Self.pure.contains(parameter.name), "\(name) has no unit")
      }
    }
  }
}

import Language
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
  static let published = [
    "quantize", "finetune", "diverge", "verdict", "ppl", "generate", "tokens",
  ]
  /// How the papers of what can be chosen are called in the citations; nil for what nobody had to propose.
  static let papers: [String: String?] = [
    "rtn": nil, "gptq": "GPTQ", "awq": "AWQ",
    "lora": "LoRA", "rslora": "Kalajdzievski", "dora": "DoRA", "merge-aware": nil,
    "default": nil, "pissa": "PiSSA", "loftq": "LoftQ", "cloq": "CLoQ",
    "olive": nil, "join": nil, "llamacpp": nil,
  ]

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
      if let paper = verb.type.paper {
        #expect(paper.contains(/\((?:[a-z]+, )?(?:19|20)[0-9]{2}\)/), "\(verb.name): no year")
      }
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

  /// Every algorithm that can be chosen is cited, or known to need no citation.
  @Test(arguments: [
    ("quantize", "method"), ("finetune", "method"), ("finetune", "init"), ("ppl", "as"),
  ])
  func everyAlgorithmIsCited(_ name: String, _ parameter: String) throws {
    let verb = try #require(Self.verbs.first { $0.name == name })
    let paper = verb.type.paper ?? ""
    let choices = verb.parameters.first { $0.name == parameter }?.choices
    #expect(choices?.isEmpty == false)
    for choice in choices ?? [] {
      guard let known = Self.papers[choice] else {
        Issue.record("\(name) \(parameter)=\(choice): name its paper, or say that it has none")
        continue
      }
      if let known { #expect(paper.contains(known), "\(name) \(parameter)=\(choice)") }
    }
  }

  /// Topics have names of their own, and the scripts in them are such.
  @Test func topics() throws {
    let names = Self.verbs.map(\.name) + Topic.all.map(\.name) + ["topics"]
    #expect(Set(names).count == names.count)
    for topic in Topic.all {
      let bench = try Workbench()
      let lines = topic.text.split(separator: "\n").filter {
        $0.hasPrefix("  ") && !$0.hasPrefix("  olv ")
      }
      let script = "use demo; load phi\n" + lines.joined(separator: "\n")
      let found = bench.session.check(Source(name: topic.name, text: script))
      #expect(
        found.allSatisfy { $0.message.contains("rows.jsonl") || $0.message.contains("mine") },
        "\(topic.name): \(found.map(\.message))")
      try bench.run("help \(topic.name)")
      #expect(bench.last?.display.count == 3)
    }
    let bench = try Workbench().run("help topics")
    #expect(bench.last?.json["topics"]?.arrayValue?.count == Topic.all.count)
  }
}

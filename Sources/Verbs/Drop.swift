import Models
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Drop.self, in: $0) }

/// `drop adapter`
struct Drop: Verb {
  static let name = "drop"
  static let summary = "remove the adapter; the base is as it was"
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "drop adapter", "back to the base",
      setup: "use demo; load phi; finetune tiny-codes steps=1 eval=no")
  ]
  static let seeAlso = ["merge", "finetune"]

  @Arg("what", "what to remove", choices: ["adapter"]) var what: String

  func run(_ context: RunContext) throws -> Outcome {
    var value = try context.loadedModel()
    guard value.model.hasAdapter else { throw $what.failure("the model has no adapter") }
    value.model = value.model.droppingAdapter()
    value.exposures.removeAll { $0.kind == .trained }
    return .model(value)
  }
}

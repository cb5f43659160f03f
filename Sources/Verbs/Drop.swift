import Models
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Drop.self, in: $0) }

/// `drop adapter`
struct Drop: CacheableVerb {
  static let name = "drop"
  static let summary = "remove the adapter; the base is as it was"
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "drop adapter", "back to the base",
      setup: "use demo; load phi; finetune tiny-codes steps=1 batch=1 length=32 eval=no"),
    Example(
      "{ with: ppl tiny-codes[5000:5002]; without: drop adapter | ppl tiny-codes[5000:5002] }",
      "what the adapter changes",
      setup: "use demo; load phi; finetune tiny-codes steps=1 batch=1 length=32 eval=no"),
  ]
  static let seeAlso = ["merge", "finetune"]

  @Arg("what", "what to remove", choices: ["adapter"]) var what: String

  static let isStored = false

  func run(_ context: RunContext) throws -> Outcome {
    let value = try context.loadedModel()
    let model = try value.model
    guard model.hasAdapter else { throw $what.failure("the model has no adapter") }
    return .model(
      try completed(value.continued(by: model.droppingAdapter()), context))
  }

  func completed(_ model: any ModelValue, _ context: RunContext) throws -> any ModelValue {
    guard var model = model as? LoadedModel else { return model }
    model.exposures.removeAll { $0.kind == .trained }
    return model
  }
}

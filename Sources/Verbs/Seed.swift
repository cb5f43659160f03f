import JSON
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(SeedVerb.self, in: $0) }

/// `seed N`
struct SeedVerb: Verb {
  static let name = "seed"
  static let summary = "set the default of every seed= from now on"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("seed 7", "every verb that draws numbers uses 7 unless told otherwise"),
    Example(
      "seed 7; load phi weights=random", "weights that are the same for everybody",
      setup: "use demo"),
  ]
  static let seeAlso = ["defaults", "finetune", "generate"]

  @Arg("number", "the seed", range: 0...) var seed: Int

  func run(_ context: RunContext) throws -> Outcome {
    try context.session.apply { $0.seed = seed }
    return .nothing()
  }
}

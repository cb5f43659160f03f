import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Generate.self, in: $0) }

/// `generate "prompt"`
struct Generate: Verb {
  static let name = "generate"
  static let summary = "continue a text with the current model"
  static let examples = [
    Example(
      "generate \"def add(a, b):\" tokens=8", "the likeliest continuation",
      setup: "use demo; load phi"),
    Example(
      "generate \"import \" tokens=8 temperature=0.8 seed=7", "a sampled one, the same every time",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["tokens", "ppl"]
  static let paper: String? =
    "top_p: Holtzman et al., The curious case of neural text degeneration (2020)"
  static let alsoKnownAs = ["complete", "sample", "chat"]

  @Arg("prompt", "the text to continue") var prompt: String
  @Opt("tokens", "the most tokens to add", unit: "tokens", range: 1...) var tokens: Int = 128
  @Opt("temperature", "0 takes the likeliest token; more varies", range: 0...100) var temperature:
    Double = 0
  @Opt("top_k", "only the k likeliest tokens", range: 1...) var topK: Int?
  @Opt("top_p", "only the likeliest tokens that together have this probability", range: 0...1)
  var topP: Double?
  @Opt("seed", "seeds the sampling", range: 0...) var seed: Int = 42
  @Opt("special", "begin with the tokenizer's beginning token, where it has one") var special:
    Bool = true

  func run(_ context: RunContext) throws -> Outcome {
    let model = try context.loadedModel().model
    let clock = ContinuousClock()
    let start = clock.now
    let result = try model.generate(
      model.tokenizer.encode(prompt, special: special), tokens: tokens,
      sampling: Sampling(
        temperature: Float(temperature), topK: topK, topP: topP.map { Float($0) },
        seed: UInt64(seed)),
      onText: { context.write($0) })
    context.write("\n")
    let seconds = (clock.now - start) / .seconds(1)
    var end = "length"
    if case .token = result.end { end = "stop" }
    return .report(
      Report(
        fields: JSONObject([
          ("text", .string(result.text)), ("tokens", .int(result.ids.count)),
          ("prompt_tokens", .int(result.promptTokens)), ("end", .string(end)),
          ("tokens_per_second", .number(seconds > 0 ? Double(result.ids.count) / seconds : 0)),
        ]),
        display: [
          .text(
            "\(Words.counted(result.ids.count, "token")), \(Words.short(Double(result.ids.count) / max(seconds, 1e-9))) tokens/s"
          )
        ]))
  }
}

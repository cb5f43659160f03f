import Data
import JSON
import Runtime
import Session
import Tokenizers

@section("olv_verbs") @used private let register: VerbEntry = { declare(Tokens.self, in: $0) }

/// `tokens "text"`
struct Tokens: Verb {
  static let name = "tokens"
  static let summary = "the pieces and ids of a text"
  static let input = VerbInput.optionalModel
  static let examples = [
    Example(
      "tokens \"print('hello')\"", "with the current model's tokenizer", setup: "use demo; load phi"
    ),
    Example("tokens \"let x = 1\" from=stdlib/demo/phi", "with the tokenizer of a folder"),
  ]
  static let seeAlso = ["generate", "inspect"]
  static let paper: String? =
    "Sennrich et al., Neural machine translation of rare words with subword units (2016)"
  static let alsoKnownAs = ["tokenize", "encode"]

  @Arg("text", "the text to cut") var text: String
  @Opt("from", "a folder with tokenizer.json, or a hub id, instead of the current model") var from:
    Path?
  @Opt("special", "add the special tokens that the tokenizer adds for a model") var special: Bool =
    false

  func run(_ context: RunContext) throws -> Outcome {
    let tokenizer: Tokenizer
    if let from {
      do {
        tokenizer = try Tokenizer(folder: try context.engine.cache.find(from.path, kind: .model))
      } catch let failure as NotFound {
        throw $from.failure(failure)
      }
    } else if case .model(let value) = context.input, let loaded = value as? LoadedModel {
      tokenizer = try loaded.model.tokenizer
    } else {
      throw $from.failure(
        "there is no tokenizer to use", help: "load a model first, or name a folder: from=PATH")
    }
    let ids = tokenizer.encode(text, special: special)
    try Interrupt.check()
    let pieces = tokenizer.pieces(ids)
    return .report(
      Report(
        value: Double(ids.count),
        fields: JSONObject([
          ("ids", .array(ids.map { .int(Int($0)) })), ("pieces", .array(pieces.map(JSON.string))),
        ]),
        display: [
          .text(Words.counted(ids.count, "token")),
          .grid(
            Grid(columns: ["id", "piece"], rows: zip(ids, pieces).map { ["\($0)", $1] })),
        ]))
  }
}

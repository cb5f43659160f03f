import Data
import JSON
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(ModelsVerb.self, in: $0) }

/// `models`
struct ModelsVerb: Verb {
  static let name = "models"
  static let summary = "the models that can be loaded by name"
  static let input = VerbInput.nothing
  static let examples = [
    Example("use demo; models", "with the names of the demo pack"),
    Example("models", "what lies in the cache of this machine"),
  ]
  static let seeAlso = ["load", "datasets"]

  func run(_ context: RunContext) throws -> Outcome {
    .report(catalog(.model, try context.engine.cache, "models"))
  }
}

/// What the Hugging Face cache of this machine holds.
func catalog(_ kind: HubCache.Kind, _ cache: HubCache, _ noun: String) -> Report {
  let ids = cache.list(kind)
  let places = cache.roots.joined(separator: ", ")
  return Report(
    fields: JSONObject([
      (noun, .array(ids.map(JSON.string))), ("searched", .array(cache.roots.map(JSON.string))),
    ]),
    display: [
      ids.isEmpty
        ? .text("no \(noun) in the Hugging Face cache (\(places))")
        : .grid(Grid(columns: [noun], rows: ids.map { [$0] })),
      .text(
        "names of the standard library work too; `use demo` has small ones that need no download"),
    ])
}

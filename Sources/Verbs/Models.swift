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
    Example("use demo; models", "the small ones that ship with olv"),
    Example("models", "with what lies in the cache of this machine"),
  ]
  static let seeAlso = ["load", "datasets"]

  func run(_ context: RunContext) throws -> Outcome {
    .report(try catalog(.model, context, of: Load.name, "models"))
  }
}

/// The names that packs give to calls of a verb, and what the Hugging Face cache of this machine holds.
func catalog(
  _ kind: HubCache.Kind, _ context: RunContext, of verb: String, _ noun: String
) throws -> Report {
  let cache = try context.engine.cache
  let names = context.names(for: verb)
  let ids = cache.list(kind)
  var rows = names.map { [$0.name, $0.call, $0.pack] }
  rows += ids.map { [$0, "\(verb) \($0)", "the cache"] }
  var display: [Display] = [
    .grid(Grid(columns: [String(noun.dropLast()), "stands for", "from"], rows: rows))
  ]
  if ids.isEmpty {
    display.append(
      .text("no \(noun) in the Hugging Face cache (\(cache.roots.joined(separator: ", ")))"))
  }
  if context.packs.isEmpty {
    display.append(.text("`use demo` has small ones that need no download"))
  }
  return Report(
    fields: JSONObject([
      (
        "names",
        .array(
          names.map {
            ["name": .string($0.name), "call": .string($0.call), "pack": .string($0.pack)]
          })
      ),
      (noun, .array(ids.map(JSON.string))), ("searched", .array(cache.roots.map(JSON.string))),
    ]),
    display: display)
}

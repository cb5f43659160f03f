import Data
import JSON
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(DatasetsVerb.self, in: $0) }

/// `datasets`
struct DatasetsVerb: Verb {
  static let name = "datasets"
  static let summary = "the datasets that can be used by name"
  static let input = VerbInput.nothing
  static let examples = [
    Example("datasets", "with what lies in the cache of this machine"),
    Example("use demo; datasets", "the small ones that ship with olv"),
  ]
  static let seeAlso = ["dataset", "models"]

  func run(_ context: RunContext) throws -> Outcome {
    .report(try catalog(.dataset, context, of: DatasetVerb.name, "datasets"))
  }
}

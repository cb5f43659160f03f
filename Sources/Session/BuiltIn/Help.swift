import JSON
import Language

/// `help`, `help quantize`.
struct Help: Verb {
  static let name = "help"
  static let summary = "what there is, or all about one verb"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("help", "all verbs"),
    Example("help print", "one verb; the prompt also takes `? print`"),
  ]
  static let seeAlso = ["history", "models", "datasets"]
  static let alsoKnownAs = ["man", "doc"]

  @Arg("verb", "the verb or definition") var verb: String?

  func bind(_ context: BindContext) throws {
    guard let verb, !context.session.verbs.contains(verb), context.scope.functions[verb] == nil
    else { return }
    let known = context.session.verbs.names + context.scope.functions.keys.sorted()
    throw $verb.failure(
      "no verb `\(verb)`", label: didYouMean(verb, among: known).map { "did you mean `\($0)`?" },
      help: "`help` lists the verbs")
  }

  func run(_ context: RunContext) throws -> Outcome {
    guard let verb else { return .nothing(context.session.overview(context.scope)) }
    return .nothing(context.session.describe(verb, context.scope))
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Help.self, in: $0) }

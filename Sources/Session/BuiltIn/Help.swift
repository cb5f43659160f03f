import JSON
import Language

/// `help`, `help quantize`, `help topics`, `help prompt`.
struct Help: Verb {
  static let name = "help"
  static let isRehearsed = false
  static let summary = "what there is, or all about a verb or a topic"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("help", "all verbs"),
    Example("help print", "one verb; the prompt also takes `? print` and `print?`"),
    Example("help topics", "what there is to read beside the verbs"),
    Example("help prompt", "a topic: keys, history, completion"),
  ]
  static let seeAlso = ["history", "models", "datasets"]
  static let alsoKnownAs = ["man", "doc"]
  /// What lists the topics.
  static let topics = "topics"

  @Arg("about", "a verb, a definition or a topic; `topics` lists those", noun: "topic")
  var about: String?

  func bind(_ context: BindContext) throws {
    let (session, scope) = (context.session, context.scope)
    guard let about, !session.verbs.contains(about), scope.functions[about] == nil,
      Topic.named(about) == nil, about != Self.topics
    else { return }
    let verbs = session.verbs.all
    let known = verbs.map(\.name) + scope.functions.keys.sorted() + Topic.all.map(\.name)
    let near =
      verbs.first { $0.type.alsoKnownAs.contains(about) }?.name ?? didYouMean(about, among: known)
    throw $about.failure(
      "no verb and no topic `\(about)`", help: "`help` lists the verbs, `help topics` the topics",
      meant: near)
  }

  func run(_ context: RunContext) throws -> Outcome {
    let session = context.session
    guard let about else { return .nothing(session.overview(context.scope)) }
    if about == Self.topics { return .nothing(Topic.overview) }
    if !session.verbs.contains(about), context.scope.functions[about] == nil,
      let topic = Topic.named(about)
    {
      return .nothing(topic.report)
    }
    return .nothing(session.describe(about, context.scope))
  }
}

extension Topic {
  /// What `help topics` shows.
  static var overview: Report {
    Report(
      fields: JSONObject([
        ("topics", .array(all.map { ["name": .string($0.name), "summary": .string($0.summary)] }))
      ]),
      display: [
        .grid(Grid(rows: all.map { ["  " + $0.name, $0.summary] }, wraps: true)), .text(""),
        .text("`help TOPIC` shows one, `help` lists the verbs."),
      ])
  }

  fileprivate var report: Report {
    Report(
      fields: JSONObject([
        ("topic", .string(name)), ("summary", .string(summary)), ("text", .string(text)),
      ]),
      display: [.text("\(name): \(summary)"), .text(""), .text(text)])
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Help.self, in: $0) }

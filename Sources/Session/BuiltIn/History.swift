import JSON

/// `history`: what was typed in this session.
struct History: Verb {
  static let name = "history"
  static let isRehearsed = false
  static let summary = "what was run in this session"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("history", "every input so far"), Example("print 1; history", "also of this line"),
  ]
  static let seeAlso = ["help"]

  func run(_ context: RunContext) throws -> Outcome {
    let inputs = context.session.history
    let rows = inputs.enumerated().map { ["\($0 + 1)", $1] }
    return .nothing(
      Report(
        fields: JSONObject([("inputs", .array(inputs.map(JSON.string)))]),
        display: [.grid(Grid(rows: rows))]))
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(History.self, in: $0) }

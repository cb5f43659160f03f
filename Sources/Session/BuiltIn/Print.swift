/// `print`: shows values.
struct Print: Verb {
  static let name = "print"
  static let isRehearsed = false
  static let summary = "shows values, or what is piped into it"
  static let input = VerbInput.anything
  static let output = VerbOutput.input
  static let examples = [
    Example("print \"two and\" 2", "values, parted by blanks"),
    Example("x = 4k; print $x", "a variable"),
  ]
  static let seeAlso = ["table"]
  static let alsoKnownAs = ["echo", "show"]

  @Arg(variadic: "values", "what to show") var values: [Datum]

  func run(_ context: RunContext) throws -> Outcome {
    if !values.isEmpty {
      context.session.presenter.show(
        .string(values.map(\.text).joined(separator: " ")))
    }
    return .value(context.input)
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Print.self, in: $0) }

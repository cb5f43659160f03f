/// `range 5 from=42`: whole numbers that follow each other.
struct Numbers: Verb {
  static let name = "range"
  static let summary = "a list of whole numbers that follow each other, for `each` to go over"
  static let input = VerbInput.nothing
  static let output = VerbOutput.list
  static let isDeclarative = true
  static let examples = [
    Example("each $seed in (range 3 from=42) { print $seed }", "42, 43 and 44"),
    Example("print (range 4)", "0 1 2 3"),
  ]
  static let seeAlso = ["print"]

  @Arg("count", "how many", range: 0...65_536) var count: Int
  @Opt("from", "the first", range: -1_000_000_000...1_000_000_000) var first: Int = 0

  func run(_ context: RunContext) throws -> Outcome {
    .value(.list((0..<count).map { .number(Quantity(Double(first + $0))) }))
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Numbers.self, in: $0) }

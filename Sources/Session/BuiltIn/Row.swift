import JSON

/// `row ppl=$task kl=$far.value`: several findings as one row of a table.
struct Row: Verb {
  static let name = "row"
  static let summary =
    "one report of values that are named, for a table with columns of your choice"
  static let details = """
    The first column is the headline, which `plot` draws and `expect` looks at. A report stands for its number, and brings \
    along what `verdict` and whiskers need to compare it. `$model` is the current model, with its facts: \
    `$model.bits_per_weight`, `$model.bytes`, `$model.adapter`.
    """
  static let input = VerbInput.optionalModel
  static let examples = [
    Example(
      "each $b in [3 8] { quantize rtn bits=$b; p = ppl tiny-codes[5000:5002]; row ppl=$p bytes=$model.bytes }",
      "perplexity and size of each arm", setup: "use demo; load phi"),
    Example(
      "row bytes=$model.bytes", "one number of the current model", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["table", "plot"]
  static let alsoKnownAs = ["columns", "record"]

  @AnyKeys("columns", "its columns, in order") var columns: [Datum]

  func bind(_ context: BindContext) throws {
    guard !columns.isEmpty else {
      throw ArgumentFailure(
        parameter: "columns", "a row has at least one column", help: "`row ppl=$p`")
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    var result = Report()
    for (key, value) in $columns.pairs {
      var cell = value.json
      if case .report(let report) = value {
        cell = report.value.map(JSON.number) ?? .null
        result.evidence = result.evidence ?? report.evidence
      }
      result.fields[key] = cell
      if result.headline == nil, let number = cell.doubleValue {
        result.headline = key
        result.value = number
      }
    }
    let reports = $columns.pairs.compactMap { pair -> Report? in
      guard case .report(let report) = pair.value else { return nil }
      return report
    }
    let cached = reports.count { $0.cachedSeconds != nil }
    if cached > 0 { result.fields["cached"] = .string("\(cached) of \(reports.count)") }
    let facts = result.fields.filter { !$0.value.isNull }
    result.display = [
      .text("  " + facts.map { "\($0.key) \($0.value.shortText)" }.joined(separator: "  "))
    ]
    return .report(result)
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Row.self, in: $0) }

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

    `cached` counts the stages behind the row's reports, those that other rows share included, and how many of them came \
    from the cache (`from_cache` in JSON names them); `alone` is how many seconds they took when the work was done: what the row \
    would take by itself.
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
    for (key, value) in $columns.pairs {
      if case .report(let report) = value { result.parts.append((key, report)) }
    }
    let ways = result.parts.compactMap(\.report.provenance)
    // Of a report that nobody can tell the way of, less than all would be counted.
    if !ways.isEmpty, ways.count == result.parts.count {
      let stages = Provenance.steps(behind: ways).filter { $0.effort?.isStage == true }
      let cached = stages.filter { $0.effort?.isCached == true }
      let seconds = stages.reduce(0) { $0 + ($1.effort?.seconds ?? 0) }
      let facts: [(String, JSON)] = [
        ("cached", .string("\(cached.count) of \(stages.count)")),
        ("alone", .number((seconds * 100).rounded() / 100)),
        ("from_cache", .array(cached.map { .string($0.verb) })),
      ]
      for (key, value) in facts where result.fields[key] == nil { result.fields[key] = value }
    }
    let facts = result.fields.filter { $0.value.isScalar && !$0.value.isNull }
    result.display = [
      .text("  " + facts.map { "\($0.key) \($0.value.shortText)" }.joined(separator: "  "))
    ]
    return .report(result)
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Row.self, in: $0) }

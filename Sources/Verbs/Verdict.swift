import Evaluation
import JSON
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(VerdictVerb.self, in: $0) }

/// `verdict [against=LABEL]`
struct VerdictVerb: ReproducibleVerb {
  static let name = "verdict"
  static let summary = "which arms of a table of perplexities really differ"
  static let details = """
    Pairs the arms document by document and draws whole documents 10,000 times (paired bootstrap). Every arm is compared \
    with against=, or with the best one; in a table of tables also with the best of its own group, and the best of each \
    group with the best of all. Probabilities are corrected for the number of comparisons (Holm). A tie is an answer, with \
    about how many documents would decide it.

    repeats=yes takes the rows of the outer table as repetitions of the same arms with other seeds. The seeds' noise is \
    then measured too, and no difference is claimed that is smaller.
    """
  static let input = VerbInput.result
  static let examples = [
    Example(
      "{ float: ppl tiny-codes[5000:5040]; rtn: quantize rtn bits=3 | ppl tiny-codes[5000:5040] } | verdict",
      "does rounding to three bits matter here?", setup: "use demo; load phi"),
    Example(
      "each $seed in (range 2) { quantize gptq samples=4 seed=$seed | ppl tiny-codes[5000:5010] } | verdict",
      "do other calibration rows matter?", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["ppl", "diverge", "orders"]
  static let paper: String? = """
    Efron and Tibshirani, An introduction to the bootstrap (1993); Koehn, Statistical significance tests for machine \
    translation evaluation (2004); Holm, A simple sequentially rejective multiple test procedure (1979)
    """
  static let alsoKnownAs = ["compare", "significance"]

  @Opt("against", "the arm to compare the others with; the best one by default") var against:
    String?
  @Opt("repeats", "the outer rows repeat the same arms with other seeds") var repeats: Bool = false
  @Opt("resamples", "how often documents are drawn", unit: "times", range: 100...1_000_000)
  var resamples: Int =
    10_000
  @Opt(
    "level", "the confidence of intervals, and what a corrected probability is judged by",
    range: 0.5...0.9999)
  var level: Double = 0.95
  @Opt("seed", "seeds the drawing", range: 0...) var seed: Int = 42

  func run(_ context: RunContext) throws -> Outcome {
    guard case .table(let table) = context.input else {
      throw NoArms(found: "no table")
    }
    let arms = try repeats ? repeated(table) : self.arms(of: table)
    guard arms.count >= 2 else { throw NoArms(found: "\(arms.count) arms with a perplexity") }
    var reference: Int?
    if let against {
      guard let place = arms.firstIndex(where: { $0.label == against }) else {
        throw $against.failure(
          "the table has no arm `\(against)`",
          help: "arms: \(arms.map(\.label).joined(separator: ", "))")
      }
      reference = place
    }
    let verdict = try Verdict(
      arms, reference: reference, resamples: resamples, level: level, seed: UInt64(seed))
    return .report(VerdictText(verdict, level: level, against: against).report)
  }

  /// The arms of a table, those of inner tables in the group of that name.
  private func arms(of table: Table) throws -> [Verdict.Arm] {
    var text: (label: String, protocol: String, tokenizer: String)?
    return try table.leaves.compactMap { row -> Verdict.Arm? in
      guard case .report(let report) = row.result,
        let evidence = report.evidence as? PerplexityEvidence
      else { return nil }
      if let text, text.protocol != evidence.result.text {
        throw MixedProtocols(first: text.label, second: row.label)
      }
      if let text, text.tokenizer != evidence.tokenizer {
        throw MixedTokenizers(first: text.label, second: row.label)
      }
      text = text ?? (row.label, evidence.result.text, evidence.tokenizer)
      let parts = row.label.split(separator: " / ").map(String.init)
      return Verdict.Arm(
        label: row.label,
        group: parts.count > 1 ? parts.dropLast().joined(separator: " / ") : nil,
        repetitions: [evidence.result.scores])
    }
  }

  /// The arms of the inner tables, which repeat each other.
  private func repeated(_ table: Table) throws -> [Verdict.Arm] {
    var result: [Verdict.Arm] = []
    for (index, row) in table.rows.enumerated() {
      guard case .table(let inner) = row.result else {
        throw $repeats.failure(
          "the row `\(row.label)` is no table of arms",
          help: "`each $seed in (range 5) { a: …; b: … } | verdict repeats=yes`")
      }
      let arms = try arms(of: inner)
      if index == 0 {
        result = arms
        continue
      }
      guard arms.map(\.label) == result.map(\.label) else {
        throw $repeats.failure(
          "the row `\(row.label)` has other arms than `\(table.rows[0].label)`")
      }
      for place in result.indices { result[place].repetitions += arms[place].repetitions }
    }
    return result
  }
}

/// A verdict in words, as a table, and for programs.
struct VerdictText {
  let report: Report

  init(_ verdict: Verdict, level: Double, against: String?) {
    let sentences = Self.sentences(verdict)
    let hasNoise = verdict.repetitions > 1
    let grid = Grid(
      columns: ["arm", "against", "difference", "\(Words.brief(level * 100))% from", "to"]
        + (hasNoise ? ["noise ±"] : []) + ["p", "verdict"],
      rows: verdict.comparisons.map { comparison in
        let interval = comparison.result.interval
        return [
          comparison.arm, comparison.against, Words.short(comparison.result.difference),
          Words.short(interval.lowerBound), Words.short(interval.upperBound),
        ] + (hasNoise ? [Words.short(comparison.noiseFloor ?? 0)] : []) + [
          Words.short(comparison.probability), comparison.word,
        ]
      })
    let basis =
      "nats per token, \(Words.counted(verdict.documents, "document")), paired bootstrap of \(verdict.resamples) resamples, "
      + "p corrected for \(Words.counted(verdict.corrected, "comparison"))"
    let noise =
      hasNoise
      ? "\(verdict.repetitions) seeds: no difference below their noise is claimed"
      : "one seed: what other seeds of training and calibration would change is not measured"
    report = Report(
      fields: JSONObject([
        ("best", .string(verdict.best)), ("against", .string(against ?? verdict.best)),
        ("verdict", .string(sentences.joined(separator: ". "))),
        ("documents", .int(verdict.documents)), ("resamples", .int(verdict.resamples)),
        ("level", .number(level)), ("repetitions", .int(verdict.repetitions)),
        ("corrected_for", .int(verdict.corrected)),
        ("comparisons", .array(verdict.comparisons.map(Self.json))),
      ]),
      display: [
        .text(sentences.joined(separator: "\n")), .grid(grid), .text(basis), .text(noise),
      ])
  }

  private static func sentences(_ verdict: Verdict) -> [String] {
    // Beside orders and groups, what is measured by the reference would repeat itself: there the best of each speak.
    let isGrouped = verdict.comparisons.contains { $0.kind != .reference }
    let groupBests = Set(
      verdict.comparisons.filter { $0.kind == .order }.map(\.against)
        + verdict.comparisons.filter { $0.kind == .group }.flatMap { [$0.arm, $0.against] })
    var sentences: [String] = []
    for kind in [Verdict.Comparison.Kind.order, .group, .reference] {
      for comparison in verdict.comparisons where comparison.kind == kind {
        if kind == .reference, isGrouped, !groupBests.contains(comparison.arm) { continue }
        sentences.append(sentence(comparison))
      }
    }
    return sentences
  }

  private static func sentence(_ comparison: Verdict.Comparison) -> String {
    let (arm, other) = (comparison.arm, comparison.against)
    let size = "\(Words.short(comparison.result.difference.magnitude)) nats/token"
    guard comparison.isTie else {
      return "\(arm) is \(comparison.word) than \(other) by \(size)"
        + " (\(Words.percent(comparison.perplexityChange.magnitude)) of its perplexity)"
    }
    var sentence = "\(arm) and \(other) tie: \(size) apart"
    if comparison.isNoise {
      sentence += ", within the seeds' noise"
      if let seeds = comparison.seedsToDecide {
        sentence += "; about \(seeds) seeds would decide it"
      }
    } else if let needed = comparison.result.documentsToDecide,
      needed > comparison.result.documents
    {
      sentence +=
        "; about \(needed - comparison.result.documents) more documents would decide it"
    }
    return sentence
  }

  private static func json(_ comparison: Verdict.Comparison) -> JSON {
    let needed = comparison.isTie ? comparison.result.documentsToDecide : nil
    var object = JSONObject([
      ("kind", .string(comparison.kind.rawValue)),
      ("arm", .string(comparison.arm)), ("against", .string(comparison.against)),
      ("difference", .number(comparison.result.difference)),
      ("lower", .number(comparison.result.interval.lowerBound)),
      ("upper", .number(comparison.result.interval.upperBound)),
      ("perplexity_change", .number(comparison.perplexityChange)),
      ("probability", .number(comparison.probability)),
      ("verdict", .string(comparison.word)), ("tie", .bool(comparison.isTie)),
      ("documents_to_decide", needed.map { .int($0) } ?? .null),
    ])
    if let floor = comparison.noiseFloor {
      object["noise_floor"] = .number(floor)
      object["seeds_to_decide"] = comparison.seedsToDecide.map { .int($0) } ?? .null
    }
    return .object(object)
  }
}

struct NoArms: Failure {
  var found: String
  var message: String { "verdict compares the arms of a table of perplexities; found \(found)" }
  var help: String? { "for example: { a: ppl; b: quantize rtn | ppl } | verdict" }
}

struct MixedProtocols: Failure {
  var first: String
  var second: String
  var message: String { "\(first) and \(second) were measured with different protocols" }
  var help: String? { "use the same as=, length= and data in every arm" }
}

struct MixedTokenizers: Failure {
  var first: String
  var second: String
  var message: String { "\(first) and \(second) cut text into different tokens" }
  var help: String? { "perplexity is per token: compare each model with its own base instead" }
}

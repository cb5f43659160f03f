import Evaluation
import JSON
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(VerdictVerb.self, in: $0) }

/// `verdict [against=LABEL]`
struct VerdictVerb: Verb {
  static let name = "verdict"
  static let summary = "which arms of a table of perplexities really differ"
  static let details = """
    Pairs the arms document by document and draws whole documents 10,000 times (paired bootstrap). Every arm is compared \
    with the best one, or with against=; probabilities are corrected for their number (Holm). A tie is an answer, with \
    about how many documents would decide it.
    """
  static let input = VerbInput.result
  static let examples = [
    Example(
      "{ float: ppl tiny-codes[5000:5040]; rtn: quantize rtn bits=3 | ppl tiny-codes[5000:5040] } | verdict",
      "does rounding to three bits matter here?", setup: "use demo; load phi")
  ]
  static let seeAlso = ["ppl", "diverge"]
  static let paper: String? = "Efron and Tibshirani, An introduction to the bootstrap (1993)"
  static let alsoKnownAs = ["compare", "significance"]

  @Opt("against", "the arm to compare the others with; the best one by default") var against:
    String?
  @Opt("resamples", "how often documents are drawn", range: 100...1_000_000) var resamples: Int =
    10_000
  @Opt(
    "level", "the confidence of intervals, and what a corrected probability is judged by",
    range: 0.5...0.9999)
  var level: Double = 0.95
  @Opt("seed", "seeds the drawing", range: 0...) var seed: Int = 42

  private struct Arm {
    var label: String
    var evidence: PerplexityEvidence
  }

  func run(_ context: RunContext) throws -> Outcome {
    guard case .table(let table) = context.input else {
      throw NoArms(found: "no table")
    }
    let arms = table.leaves.compactMap { row -> Arm? in
      guard case .report(let report) = row.result,
        let evidence = report.evidence as? PerplexityEvidence
      else { return nil }
      return Arm(label: row.label, evidence: evidence)
    }
    guard arms.count >= 2 else { throw NoArms(found: "\(arms.count) arms with a perplexity") }
    if let odd = arms.first(where: { $0.evidence.result.text != arms[0].evidence.result.text }) {
      throw MixedProtocols(first: arms[0].label, second: odd.label)
    }
    if let odd = arms.first(where: { $0.evidence.tokenizer != arms[0].evidence.tokenizer }) {
      throw MixedTokenizers(first: arms[0].label, second: odd.label)
    }
    let best = arms.indices.min { arms[$0].evidence.result.nll < arms[$1].evidence.result.nll } ?? 0
    var base = best
    if let against {
      guard let place = arms.firstIndex(where: { $0.label == against }) else {
        throw $against.failure(
          "the table has no arm `\(against)`",
          help: "arms: \(arms.map(\.label).joined(separator: ", "))")
      }
      base = place
    }
    let others = arms.indices.filter { $0 != base }
    let comparisons = try others.map { other -> PairedBootstrap in
      try Interrupt.check()
      return try PairedBootstrap(
        arms[other].evidence.result.scores, arms[base].evidence.result.scores,
        resamples: resamples, level: level, seed: UInt64(seed))
    }
    let corrected = PairedBootstrap.corrected(comparisons.map(\.probability))
    var sentences: [String] = []
    var rows: [[String]] = []
    var json: [JSON] = []
    for (place, other) in others.enumerated() {
      let comparison = comparisons[place]
      let isTie = corrected[place] > 1 - level
      let names = (arms[other].label, arms[base].label)
      let size = Words.short(comparison.difference.magnitude)
      var sentence =
        isTie
        ? "\(names.0) and \(names.1) tie: \(size) nats/token apart"
        : "\(names.0) is \(comparison.difference > 0 ? "worse" : "better") than \(names.1) by \(size) nats/token"
      let needed = isTie ? comparison.documentsToDecide : nil
      if let needed, needed > comparison.documents {
        sentence += "; about \(needed - comparison.documents) more documents would decide it"
      }
      sentences.append(sentence)
      let interval =
        "\(Words.short(comparison.interval.lowerBound)) to \(Words.short(comparison.interval.upperBound))"
      rows.append([
        names.0, names.1, Words.short(comparison.difference), interval,
        Words.short(corrected[place]),
        isTie ? "tie" : comparison.difference > 0 ? "worse" : "better",
      ])
      json.append(
        .object(
          JSONObject([
            ("arm", .string(names.0)), ("against", .string(names.1)),
            ("difference", .number(comparison.difference)),
            ("lower", .number(comparison.interval.lowerBound)),
            ("upper", .number(comparison.interval.upperBound)),
            ("probability", .number(corrected[place])), ("tie", .bool(isTie)),
            ("documents_to_decide", needed.map { .int($0) } ?? .null),
          ])))
    }
    let documents = comparisons.first?.documents ?? 0
    return .report(
      Report(
        fields: JSONObject([
          ("best", .string(arms[best].label)), ("against", .string(arms[base].label)),
          ("verdict", .string(sentences.joined(separator: ". "))),
          ("documents", .int(documents)), ("resamples", .int(resamples)), ("level", .number(level)),
          ("comparisons", .array(json)),
        ]),
        display: [
          .text(sentences.joined(separator: "\n")),
          .grid(
            Grid(
              columns: [
                "arm", "against", "difference", "\(Words.decimals(level * 100, 0))% interval",
                "p (corrected)", "verdict",
              ],
              rows: rows)),
          .text(
            "nats per token, \(documents) documents, paired bootstrap of \(resamples) resamples"),
        ]))
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

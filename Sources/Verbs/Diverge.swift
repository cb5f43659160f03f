import Cache
import Data
import Evaluation
import JSON
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Diverge.self, in: $0) }

/// `diverge [DATASET] from=$base`
struct Diverge: CacheableVerb {
  static let name = "diverge"
  static let summary = "how far the current model's predictions are from a reference model's"
  static let details = """
    Token by token on the same rows: the mean KL divergence from the reference's distribution to the model's, how often \
    both find the same token most likely, and both perplexities. The protocol is that of `ppl as=olive`, which with \
    from= finds mean and agreement in the passes that it makes anyway.
    """
  static let examples = [
    Example(
      "base = load phi; quantize rtn bits=3; diverge tiny-codes[5000:5005] from=$base",
      "what three bits change", setup: "use demo"),
    Example(
      "quantize rtn; diverge tiny-codes[5000:5005] from=phi length=128",
      "from a model by its name, on short beginnings", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["ppl", "verdict"]
  static let paper: String? = "Dutta et al., Accuracy is not all you need (2024)"
  static let alsoKnownAs = ["kl", "divergence"]

  @Arg(
    "data", "what to compare on; the test slice of a dataset that is not sliced by hand",
    noun: "dataset")
  var data: DatasetReference?
  @Opt("from", "the reference model") var reference: ModelReference?
  @Opt("length", "the longest document", unit: "tokens", range: 2...) var length: Int?
  @Opt("rows", "only the first rows, as many as there are", unit: "rows", range: 1...) var limit:
    Int?

  private func base() throws -> LoadedModel {
    guard let reference = reference?.value as? LoadedModel else {
      throw $reference.failure(
        "there is no reference model",
        help: "bind one first: `base = load phi`, then `diverge from=$base`")
    }
    return reference
  }

  private func rows() throws -> Dataset {
    guard let rows = try data?.rows(for: .test), !rows.isRandomTokens else {
      throw $data.failure(
        "there are no rows to compare on", help: "name a dataset: `diverge tiny-codes from=$base`")
    }
    guard let limit, limit < rows.count else { return rows }
    return try rows.first(limit)
  }

  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
    _ = try base()
    return [EntryKey.Part("rows", try rows().contentHash())]
  }

  func warn(_ context: RunContext) throws {
    context.warn(of: try context.loadedModel(), measuring: try rows())
  }

  func run(_ context: RunContext) throws -> Outcome {
    let current = try context.loadedModel()
    let model = try current.model
    let reference = try base()
    let rows = try rows()
    let options = DialectOptions(length: length)
    let windows = try OliveDialect().windows(
      try rows.texts(), tokenizer: model.tokenizer, options: options)
    let result = try context.withStates(of: reference, rows, options) { base, states in
      try Divergence.measure(
        model, from: base, windows: windows.windows, states: states, progress: context.progress)
    }
    return .report(
      Report(
        value: result.mean,
        fields: JSONObject([
          ("agreement", .number(result.agreement)), ("ppl", .number(result.perplexity)),
          ("reference_ppl", .number(result.referencePerplexity)),
          ("difference", .number(result.difference)),
          ("median", .number(result.quantile(0.5))), ("p99", .number(result.quantile(0.99))),
          ("tokens", .int(result.tokens)), ("documents", .int(result.documents.count)),
          ("data", .string(rows.label)), ("reference", .string(reference.lineage)),
          ("protocol", .string(windows.text)),
        ]),
        display: [
          .text("divergence from \(reference.lineage) on \(rows.label)"),
          .grid(
            Grid(
              columns: [
                "KL, nats/token", "median", "99%", "same top token", "ppl", "reference ppl",
              ],
              rows: [
                [
                  Words.short(result.mean), Words.short(result.quantile(0.5)),
                  Words.short(result.quantile(0.99)), Words.percent(result.agreement),
                  Words.short(result.perplexity), Words.short(result.referencePerplexity),
                ]
              ])),
        ]))
  }
}

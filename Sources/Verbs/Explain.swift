import Cache
import Data
import Evaluation
import JSON
import Models
import Runtime
import Session

#if canImport(Glibc)
  import Glibc
#endif

@section("olv_verbs") @used private let register: VerbEntry = { declare(Explain.self, in: $0) }

/// `explain [DATASET] from=$base`
struct Explain: ReproducibleVerb {
  static let name = "explain"
  static let summary = "where the current model's change in perplexity comes from"
  static let details = """
    Splits the difference in nats per token between the model that from= names and the current one: into quantization, \
    training, the interaction of both, and merging; by class of token (language keywords, identifiers, prose, digits); and by \
    layer, each alone in the place of the float model's. The parts add up; a layer's share does not know the others', and what \
    they do together is a line of its own.

    A quantized model with an adapter holds all that is needed: without its adapter it is the quantized one, and the adapter \
    on the float weights the trained one. Otherwise name them: trained= the fine-tuned float model, quantized= the model \
    quantized without training, unmerged= the model before `merge`. What is not named is not told apart.
    """
  static let examples = [
    Example(
      "base = load phi; quantize rtn bits=3; finetune tiny-codes steps=1 eval=no; explain tiny-codes[5000:5004] from=$base",
      "quantization, training and their interaction", setup: "use demo"),
    Example(
      "base = load phi; quantize rtn bits=3; explain tiny-codes[5000:5004] from=$base; plot change",
      "what rounding each layer costs", setup: "use demo"),
  ]
  static let seeAlso = ["verdict", "diverge", "merge", "inspect"]
  static let alsoKnownAs = ["attribute", "attribution", "why"]

  @Arg(
    "data", "what to score; the test slice of a dataset that is not sliced by hand",
    noun: "dataset")
  var data: DatasetReference?
  @Opt("from", "the model before quantization and training") var base: ModelReference?
  @Opt("trained", "the model trained in float") var trained: ModelReference?
  @Opt("quantized", "the model quantized and not trained") var quantized: ModelReference?
  @Opt("unmerged", "the model before its adapter was merged") var unmerged: ModelReference?
  @Opt("rows", "only the first rows, as many as there are", unit: "rows", range: 1...) var limit:
    Int = 200
  @Opt("length", "the longest document", unit: "tokens", range: 2...) var length: Int?
  @Opt("layers", "also by layer, which takes half as many passes as there are layers")
  var layers: Bool = true

  private func model(_ reference: ModelReference?) throws -> Model? {
    guard let reference else { return nil }
    guard let loaded = reference.value as? LoadedModel else {
      throw ForeignModel(lineage: reference.value.lineage)
    }
    return try loaded.model
  }

  private func rows() throws -> Dataset {
    guard let rows = try data?.rows(for: .test), !rows.isRandomTokens else {
      throw $data.failure(
        "there are no rows to score", help: "name a dataset: `explain tiny-codes from=$base`")
    }
    return limit < rows.count ? try rows.first(limit) : rows
  }

  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
    [EntryKey.Part("rows", try rows().contentHash())]
  }

  func run(_ context: RunContext) throws -> Outcome {
    let final = try context.loadedModel().model
    guard let base = try model(base) else {
      throw $base.failure(
        "there is no model to start from",
        help: "bind one first: `base = load phi`, then `explain from=$base`, or from=phi")
    }
    let rows = try rows()
    context.warn(of: try context.loadedModel(), measuring: rows)
    var models = Attribution.Models(
      base: base, final: final, quantized: try model(quantized), trained: try model(trained),
      unmerged: try model(unmerged))
    try models.complete()
    let windows = try OliveDialect().windows(
      try rows.texts(), tokenizer: base.tokenizer, options: DialectOptions(length: length))
    let attribution = try Attribution.measure(
      models, windows: windows.windows, progress: context.progress)
    let reference = models.trained ?? base
    let swap =
      try layers
      ? LayerSwap.measure(
        final, from: reference, windows: windows.windows, progress: context.progress) : nil
    return .report(
      ExplanationText(
        attribution, swap, data: rows.label, protocol: windows.text,
        reference: reference.lineage.joined(separator: " → ")
      ).report)
  }
}

extension Attribution.Models {
  /// Fills in what a quantized model with an adapter tells by itself.
  ///
  /// - Throws: What the backend throws.
  mutating func complete() throws {
    let joined = unmerged ?? final
    guard joined.hasAdapter else { return }
    if !joined.isQuantized {
      trained = trained ?? joined
      return
    }
    quantized = quantized ?? joined.droppingAdapter()
    guard trained == nil, !base.isQuantized, base.blocks.count == joined.blocks.count else {
      return
    }
    var float = base
    for index in base.blocks.indices {
      // The adapter stands in the quantized weights' basis, so the float ones are brought there.
      var block = try base.blocks[index].inBasis(
        of: joined.blocks[index], base.config, on: base.backend)
      for place in block.linears.indices {
        block.linears[place].adapter = joined.blocks[index].linears[place].adapter
      }
      float.blocks[index] = block
    }
    float.lineage.append("the adapter")
    trained = float
  }
}

/// An attribution in tables and for programs.
private struct ExplanationText {
  let report: Report

  init(
    _ attribution: Attribution, _ swap: LayerSwap?, data: String, protocol: String,
    reference: String
  ) {
    let change = attribution.change
    let all = Double(max(1, attribution.tokens.values.reduce(0, +)))
    func line(_ name: String, _ nats: Double) -> [String] {
      [name, Words.signed(nats), "× " + Words.short(exp(nats))]
    }
    var display: [Display] = [
      .text(
        "perplexity of \(data): \(Words.short(exp(attribution.before))) → \(Words.short(exp(attribution.after)))"
      ),
      .grid(
        Grid(
          columns: ["part", "nats/token", "perplexity"],
          rows: attribution.parts.map { line($0.name, $0.total) } + [line("all", change)])),
    ]
    let seen = TokenClass.allCases.filter { attribution.tokens[$0] != nil }
    // Within a class, per token of the class: how much such a token became harder.
    func inside(_ part: Attribution.Part, _ found: TokenClass) -> Double {
      (part.classes[found] ?? 0) * all / Double(max(1, attribution.tokens[found] ?? 0))
    }
    display.append(
      .grid(
        Grid(
          columns: ["tokens", "share"] + attribution.parts.map(\.name) + ["all", "of the change"],
          rows: seen.map { found in
            let sum = attribution.parts.reduce(0) { $0 + inside($1, found) }
            let part = attribution.parts.reduce(0) { $0 + ($1.classes[found] ?? 0) }
            return [
              found.rawValue, Words.percent(Double(attribution.tokens[found] ?? 0) / all),
            ] + attribution.parts.map { Words.signed(inside($0, found)) } + [
              Words.signed(sum), change == 0 ? "" : Words.percent(part / change),
            ]
          })))
    var fields = JSONObject([
      ("before", .number(exp(attribution.before))), ("after", .number(exp(attribution.after))),
      ("change", .number(change)),
      (
        "parts",
        .array(
          attribution.parts.map { part in
            .object(
              JSONObject([
                ("name", .string(part.name)), ("nats", .number(part.total)),
                ("factor", .number(exp(part.total))),
                (
                  "classes",
                  .object(
                    JSONObject(seen.map { ($0.rawValue, .number(part.classes[$0] ?? 0)) }))
                ),
              ]))
          })
      ),
      (
        "tokens",
        .object(
          JSONObject(seen.map { ($0.rawValue, .int(attribution.tokens[$0] ?? 0)) }))
      ),
      ("data", .string(data)), ("protocol", .string(`protocol`)),
    ])
    if let swap {
      display.append(
        .text("each layer alone in the place of that of \(reference), nats per token:"))
      display.append(
        .grid(
          Grid(
            columns: ["layer", "nats/token", "perplexity"],
            rows: swap.changes.enumerated().map { line("\($0)", $1) } + [
              line("together beyond that", swap.together),
              line("all layers", swap.model - swap.reference),
            ])))
      fields["layers"] = .array(
        swap.changes.enumerated().map {
          .object(JSONObject([("name", .string("layer \($0)")), ("change", .number($1))]))
        })
      fields["together"] = .number(swap.together)
      fields["reference"] = .string(reference)
    }
    report = Report(value: change, fields: fields, display: display)
  }
}

extension Words {
  /// `+0.0123`, `-3.1e-05`.
  static func signed(_ value: Double) -> String { (value < 0 ? "-" : "+") + short(value.magnitude) }
}

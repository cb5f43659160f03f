import Cache
import Data
import Evaluation
import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Ppl.self, in: $0) }

/// `ppl [DATASET]`
struct Ppl: CacheableVerb {
  static let name = "ppl"
  static let memoryAdvice: String? = "a smaller batch= or length="
  static let summary = "perplexity of a dataset under the current model"
  static let details = """
    exp(Σ nll / Σ tokens), the log-softmax in f32, weighted by token over the whole set. What counts as a document depends \
    on the protocol, which every report states: numbers of different protocols do not compare.

    as=olive scores each row alone, without special tokens and never padded, cut off at length=. as=join packs rows into \
    blocks as for training. as=gptq joins all rows by blank lines and cuts windows of 2048. as=llamacpp takes windows of \
    512 that start with the beginning token and scores the second half of each; a plain text file is read as it stands, \
    rows of other data are joined by blank lines.

    from= also says how far the predictions are from another model's, in the same passes over the rows: `kl`, the mean KL \
    divergence in nats per token, and `agreement`, how often both find the same token most likely. compared= bounds the \
    rows that are compared. `diverge` tells more of the same.
    """
  static let examples = [
    Example("ppl", "the default data: the test rows of tiny-codes", setup: "use demo; load phi"),
    Example(
      "ppl tiny-codes[5000:5020] as=[olive gptq] length=128", "some rows, in two protocols",
      setup: "use demo; load phi"),
    Example(
      "base = load phi; quantize rtn bits=3; ppl tiny-codes[5000:5020] from=$base compared=5",
      "and how far five of the rows are from the float model's", setup: "use demo"),
    Example(
      "ppl tiny-codes[5000:5020] special=yes", "with the literal beginning and end tokens",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["diverge", "verdict", "expect"]
  static let paper: String? = """
    Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks (1977); as=gptq: Frantar et al., \
    GPTQ (2023)
    """
  static let alsoKnownAs = ["perplexity", "evaluate", "eval"]

  @Arg(
    "data", "what to score; the test slice of a dataset that is not sliced by hand", noun: "dataset"
  )
  var data: DatasetReference?
  @Opt(
    "as", "the protocol, or a list of them", noun: "protocol", choices: Dialects.all.map(\.name),
    hints: Dialects.all.map(\.summary))
  var dialects: [String] = ["olive"]
  @Opt(
    "length", "the longest document, or the length of a window, instead of the protocol's own",
    unit: "tokens", range: 2...)
  var length: Int?
  @Opt(
    "batch", "documents scored together; bounds memory and never changes the number",
    unit: "documents", range: 1...)
  var batch: Int?
  @Opt("special", "wrap each row into the literal beginning and end tokens, as Olive does")
  var special: Bool = false
  @Opt("from", "compare with this model in the same passes") var reference: ModelReference?
  @Opt(
    "compared", "with from=, only the first rows are compared, as many as there are", unit: "rows",
    range: 1...)
  var limit: Int?

  private func rows() throws -> Dataset {
    guard let data else {
      throw $data.failure(
        "there is no data to score",
        help: "name a dataset: `ppl tiny-codes`, or set one: `defaults ppl data=…`")
    }
    let rows = try data.rows(for: .test) ?? data.opened()
    if rows.isRandomTokens {
      throw $data.failure(
        "random tokens have no perplexity worth the name", help: "use a dataset of text")
    }
    return rows
  }

  func bind(_ context: BindContext) throws {
    do { _ = try rows() } catch let failure as DatasetFailure {
      throw $data.failure(failure)
    }
    if reference != nil, dialects != ["olive"] {
      throw $dialects.failure(
        "rows are compared with another model's where each is scored alone",
        help: "as=olive with from=, and the other protocols in a call of their own")
    }
    if $limit.isGiven, reference == nil {
      throw $limit.failure(
        "there is no model to compare with",
        help: "name one: `ppl from=$base compared=\(limit ?? 1)`")
    }
  }

  func warn(_ context: RunContext) throws {
    context.warn(of: try context.loadedModel(), measuring: try rows())
  }

  func run(_ context: RunContext) throws -> Outcome {
    let current = try context.loadedModel()
    let model = try current.model
    let rows = try rows()
    let (results, divergence) = try measure(current, rows, context)
    guard let first = results.first else {
      throw $dialects.failure("no protocol is named", help: "as=olive, or as=[olive gptq]")
    }
    var fields = Self.fields(first)
    fields["data"] = .string(rows.label)
    if let divergence {
      fields["kl"] = .number(divergence.mean)
      fields["agreement"] = .number(divergence.agreement)
      fields["compared"] = .int(divergence.documents.count)
      fields["reference"] = (reference?.value.lineage).map(JSON.string)
    }
    if results.count > 1 {
      fields["protocols"] = .array(
        results.map { result in
          var object = JSONObject([
            ("as", .string(result.dialect)), ("value", .number(result.value)),
          ])
          for (key, value) in Self.fields(result) { object[key] = value }
          return .object(object)
        })
    }
    let grid = Grid(
      columns: ["perplexity", "nats/token", "tokens", "documents", "as"],
      rows: results.map {
        [
          Words.short($0.value), Words.short($0.nll), "\($0.tokens)", "\($0.documents)",
          $0.dialect,
        ]
      })
    var report = Report(
      value: first.value, fields: fields,
      display: [
        .text("perplexity of \(rows.label)"), .grid(grid),
        .text(results.map(\.text).joined(separator: "\n")),
      ] + (divergence.map { [.text(told($0))] } ?? []),
      evidence: PerplexityEvidence(
        data: rows.label, result: first, tokenizer: model.tokenizer.contentHash,
        isQuantized: model.isQuantized, isTrained: current.isTrained))
    report.basis = [
      Basis("protocol", first.text, advice: "give every arm the same as= and length="),
      Basis(
        "tokenizer", "\(model.family), \(model.config.vocabulary) tokens",
        identity: model.tokenizer.contentHash,
        advice: "perplexity is per token: compare each model with its own base instead"),
    ]
    return .report(report)
  }

  /// In every protocol asked for, and compared with the reference where there is one.
  private func measure(
    _ current: LoadedModel, _ rows: Dataset, _ context: RunContext
  ) throws -> ([Perplexity], Divergence?) {
    let model = try current.model
    let texts = try rows.texts()
    let budget = batch.map { $0 * (length ?? 1024) }
    let options = DialectOptions(
      length: length, special: special,
      original: dialects.contains("llamacpp") ? try rows.originalText() : nil)
    guard let reference else {
      return (
        try Perplexity.measure(
          model, texts: texts, dialects: dialects.compactMap { Dialects.named($0) },
          options: options, batch: budget, progress: context.progress), nil
      )
    }
    guard let base = reference.value as? LoadedModel else {
      throw ForeignModel(lineage: reference.value.lineage)
    }
    let dialect = OliveDialect()
    let windows = try dialect.windows(texts, tokenizer: model.tokenizer, options: options)
    let part = try limit.map { $0 < rows.count ? try rows.first($0) : rows } ?? rows
    // Rows without a token to score are no documents.
    let count =
      part.count == rows.count
      ? windows.windows.count
      : try dialect.windows(part.texts(), tokenizer: model.tokenizer, options: options)
        .windows.count
    return try context.withStates(of: base, part, options, batch: budget) { base, states in
      let comparison = Comparison(from: base, windows: count, states: states)
      var result = try Perplexity.measure(
        model, windows: windows.windows, batch: budget, with: comparison,
        progress: context.progress)
      (result.dialect, result.text) = (dialect.name, windows.text)
      return ([result], comparison.result)
    }
  }

  private func told(_ divergence: Divergence) -> String {
    "divergence from \(reference?.value.lineage ?? "") on \(Words.counted(divergence.documents.count, "document")): "
      + "\(Words.short(divergence.mean)) nats/token, the same top token in \(Words.percent(divergence.agreement))"
  }

  static let evidence: (any StorableEvidence.Type)? = PerplexityEvidence.self

  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
    let rows = try rows()
    // Rows can be equal where the text that they were cut from is not.
    let text = dialects.contains("llamacpp") ? try rows.originalText() : nil
    return [
      EntryKey.Part("rows", try rows.contentHash()),
      EntryKey.Part("text", text.map { SHA256.hex($0) } ?? "rows"),
    ]
  }

  private static func fields(_ result: Perplexity) -> JSONObject {
    JSONObject([
      ("nll", .number(result.nll)), ("tokens", .int(result.tokens)),
      ("documents", .int(result.documents)), ("protocol", .string(result.text)),
    ])
  }
}

/// The score of every document, for comparisons that pair them.
struct PerplexityEvidence: StorableEvidence {
  var data: String
  var result: Perplexity
  /// What the model's tokenizer is known by.
  var tokenizer: String
  /// Of the model that was measured.
  var isQuantized: Bool
  var isTrained: Bool

  init(
    data: String, result: Perplexity, tokenizer: String, isQuantized: Bool = false,
    isTrained: Bool = false
  ) {
    self.data = data
    self.result = result
    self.tokenizer = tokenizer
    self.isQuantized = isQuantized
    self.isTrained = isTrained
  }

  var json: JSON {
    [
      "data": .string(data), "dialect": .string(result.dialect), "text": .string(result.text),
      "tokenizer": .string(tokenizer),
      "seconds": .number(result.seconds), "quantized": .bool(isQuantized),
      "trained": .bool(isTrained),
      "nll": .array(result.scores.map { .number($0.nll) }),
      "tokens": .array(result.scores.map { .int($0.tokens) }),
    ]
  }

  init?(_ json: JSON) {
    guard let data = json["data"]?.stringValue, let dialect = json["dialect"]?.stringValue,
      let text = json["text"]?.stringValue, let seconds = json["seconds"]?.doubleValue,
      let tokenizer = json["tokenizer"]?.stringValue,
      let isQuantized = json["quantized"]?.boolValue, let isTrained = json["trained"]?.boolValue,
      let nll = json["nll"]?.arrayValue?.compactMap(\.doubleValue),
      let tokens = json["tokens"]?.arrayValue?.compactMap(\.intValue), nll.count == tokens.count
    else { return nil }
    self.init(
      data: data,
      result: Perplexity(
        dialect: dialect, text: text, scores: zip(nll, tokens).map { Score(nll: $0, tokens: $1) },
        seconds: seconds), tokenizer: tokenizer, isQuantized: isQuantized, isTrained: isTrained)
  }
}

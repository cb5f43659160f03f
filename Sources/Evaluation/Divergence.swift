import Models
import Runtime
import Tensor

#if canImport(Glibc)
  import Glibc
#endif

/// How far a model's predictions are from a reference model's, token by token on the same text.
///
/// *Paper:* Kullback and Leibler, "On information and sufficiency" (1951); as a measure of quantization: Dutta et al.,
/// "Accuracy is not all you need" (2024).
public struct Divergence: Sendable {
  /// What one document contributes.
  public struct Document: Sendable, Hashable {
    /// Tokens scored.
    public var tokens: Int
    /// Sum of KL(reference ‖ model), nats.
    public var divergence: Double
    /// Tokens where both find the same token most likely.
    public var agreements: Int
    public var score: Score
    public var reference: Score
  }

  public var documents: [Document]
  /// KL(reference ‖ model) at each scored token, ascending.
  public var sorted: [Float]
  public var seconds: Double

  public var tokens: Int { sorted.count }
  /// Mean KL(reference ‖ model), nats per token.
  public var mean: Double { documents.reduce(0) { $0 + $1.divergence } / Double(tokens) }
  /// The share of tokens where both find the same token most likely.
  public var agreement: Double {
    Double(documents.reduce(0) { $0 + $1.agreements }) / Double(tokens)
  }
  public var perplexity: Double { exp(documents.map(\.score).total.mean) }
  public var referencePerplexity: Double { exp(documents.map(\.reference).total.mean) }
  /// Perplexity less the reference's.
  public var difference: Double { perplexity - referencePerplexity }

  /// The divergence that the share `share` of tokens stays below.
  public func quantile(_ share: Double) -> Double {
    PairedBootstrap.quantile(sorted.map(Double.init), share)
  }

  /// Rows of logits that are held at once, of each model.
  static let chunk = 128

  /// Compares `model` with `reference` on windows of tokens.
  ///
  /// - Parameter states: Where the reference's hidden states come from, or are left. They belong to these windows, this
  ///   `batch` and this device.
  /// - Throws: `DifferentTokenizers`, `NotFiniteLikelihood`, `Cancelled`.
  public static func measure(
    _ model: Model, from reference: Model, windows: [Window],
    batch: Int? = nil, states: ReferenceStates? = nil, progress: ProgressHandler? = nil
  ) throws -> Divergence {
    guard model.tokenizer.contentHash == reference.tokenizer.contentHash,
      model.config.vocabulary == reference.config.vocabulary
    else { throw DifferentTokenizers() }
    let clock = ContinuousClock()
    let start = clock.now
    let windows = windows.filter { $0.scored > 0 }
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    var result = Divergence(documents: [], sorted: [], seconds: 0)
    var done = 0
    let batches = WindowBatches(
      windows: windows, budget: batch ?? model.backend.device.passTokens)
    for (index, range) in batches.ranges.enumerated() {
      try Interrupt.check()
      let part = Array(windows[range])
      let ids = part.flatMap(\.tokens)
      let segments = Segments(lengths: part.map(\.tokens.count))
      let hidden = try model.hidden(ids, segments: segments)
      let make = { try reference.hidden(ids, segments: segments) }
      let expected = try states?.hidden(index, making: make) ?? make()
      for (index, window) in part.enumerated() {
        let rows = segments[index].lowerBound + window.from - 1..<segments[index].upperBound - 1
        let document = try compare(
          (model, hidden.rows(rows)), (reference, expected.rows(rows)),
          targets: window.targets.dropLast(), into: &result.sorted)
        guard document.divergence.isFinite, document.score.nll.isFinite else {
          throw NotFiniteLikelihood(document: result.documents.count)
        }
        result.documents.append(document)
      }
      done += ids.count
      progress?(Progress(stage: "diverge", done: done, total: total, unit: "tokens", tokens: done))
    }
    result.sorted.sort()
    result.seconds = (clock.now - start) / .seconds(1)
    return result
  }

  /// One document: hidden states of both models at the positions that predict `targets`.
  private static func compare(
    _ model: (Model, Tensor), _ reference: (Model, Tensor), targets: ArraySlice<Int32>,
    into divergences: inout [Float]
  ) throws -> Document {
    let targets = Array(targets)
    var document = Document(
      tokens: targets.count, divergence: 0, agreements: 0,
      score: Score(nll: 0, tokens: targets.count),
      reference: Score(nll: 0, tokens: targets.count))
    let backend = model.0.backend
    for start in stride(from: 0, to: targets.count, by: chunk) {
      try Interrupt.check()
      let rows = start..<min(start + chunk, targets.count)
      let found = try backend.read(
        backend.divergence(
          model.0.logits(model.1.rows(rows)), from: reference.0.logits(reference.1.rows(rows)),
          targets: Array(targets[rows])))
      for row in 0..<rows.count {
        document.divergence += Double(found[4 * row])
        document.score.nll += Double(found[4 * row + 1])
        document.reference.nll += Double(found[4 * row + 2])
        document.agreements += found[4 * row + 3] == 1 ? 1 : 0
        divergences.append(found[4 * row])
      }
    }
    return document
  }
}

/// Two models that cut texts into different tokens.
public struct DifferentTokenizers: Failure, Equatable {
  public init() {}
  public var message: String { "the two models do not share a tokenizer and a vocabulary" }
  public var help: String? { "divergence compares predictions of the same tokens" }
}

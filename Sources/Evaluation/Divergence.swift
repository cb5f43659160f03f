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
  /// - Throws: `DifferentTokenizers`, `NotFiniteLikelihood`, `Cancelled`.
  public static func measure(
    _ model: Model, from reference: Model, windows: [Window],
    batch: Int? = nil, progress: ProgressHandler? = nil
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
    for range in WindowBatches(
      windows: windows, budget: batch ?? model.backend.device.passTokens
    ).ranges {
      try Interrupt.check()
      let part = Array(windows[range])
      let ids = part.flatMap(\.tokens)
      let segments = Segments(lengths: part.map(\.tokens.count))
      let hidden = try model.hidden(ids, segments: segments)
      let expected = try reference.hidden(ids, segments: segments)
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
    let vocabulary = model.0.config.vocabulary
    for start in stride(from: 0, to: targets.count, by: chunk) {
      try Interrupt.check()
      let rows = start..<min(start + chunk, targets.count)
      let logits = try model.0.backend.read(model.0.logits(model.1.rows(rows)))
      let expected = try reference.0.backend.read(reference.0.logits(reference.1.rows(rows)))
      for row in rows {
        let place = (row - start) * vocabulary..<(row - start + 1) * vocabulary
        let token = TokenDivergence(logits[place], expected[place], target: Int(targets[row]))
        document.divergence += token.divergence
        document.agreements += token.agrees ? 1 : 0
        document.score.nll += token.nll
        document.reference.nll += token.referenceNLL
        divergences.append(Float(token.divergence))
      }
    }
    return document
  }
}

/// The comparison at one token, from two rows of logits.
struct TokenDivergence {
  var divergence: Double
  var agrees: Bool
  var nll: Double
  var referenceNLL: Double

  /// KL(p ‖ q) = Σ p (log p − log q), with both distributions normalized in f64.
  init(_ logits: ArraySlice<Float>, _ reference: ArraySlice<Float>, target: Int) {
    (divergence, agrees, nll, referenceNLL) = logits.withUnsafeBufferPointer { q in
      reference.withUnsafeBufferPointer { p in
        let (top, peak) = TokenDivergence.largest(q)
        let (expectedTop, expectedPeak) = TokenDivergence.largest(p)
        var (sum, expectedSum, cross) = (0.0, 0.0, 0.0)
        for index in q.indices {
          let weight = Double(expf(p[index] - expectedPeak))
          sum += Double(expf(q[index] - peak))
          expectedSum += weight
          cross += weight * Double((p[index] - expectedPeak) - (q[index] - peak))
        }
        let (normalizer, expectedNormalizer) = (log(sum), log(expectedSum))
        return (
          // Rounding can leave a tiny negative number where both are equal.
          max(0, cross / expectedSum - expectedNormalizer + normalizer), top == expectedTop,
          normalizer - Double(q[target] - peak),
          expectedNormalizer - Double(p[target] - expectedPeak)
        )
      }
    }
  }

  private static func largest(_ values: UnsafeBufferPointer<Float>) -> (Int, Float) {
    var (best, peak) = (0, -Float.infinity)
    for index in values.indices where values[index] > peak { (best, peak) = (index, values[index]) }
    return (best, peak)
  }
}

/// Two models that cut texts into different tokens.
public struct DifferentTokenizers: Failure, Equatable {
  public init() {}
  public var message: String { "the two models do not share a tokenizer and a vocabulary" }
  public var help: String? { "divergence compares predictions of the same tokens" }
}

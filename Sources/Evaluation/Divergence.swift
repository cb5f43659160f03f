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

  /// Compares `model` with `reference` on windows of tokens.
  ///
  /// - Parameter states: Where the reference's hidden states come from, or are left. They belong to these windows, this
  ///   `batch` and this device.
  /// - Throws: `DifferentTokenizers`, `NotFiniteLikelihood`, `Cancelled`.
  public static func measure(
    _ model: Model, from reference: Model, windows: [Window],
    batch: Int? = nil, states: ReferenceStates? = nil, progress: ProgressHandler? = nil
  ) throws -> Divergence {
    let clock = ContinuousClock()
    let start = clock.now
    let windows = windows.filter { $0.scored > 0 }
    let model = try model.prepared()
    let comparison = Comparison(from: reference, windows: windows.count, states: states)
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    var done = 0
    for range in WindowBatches(
      windows: windows, budget: batch ?? model.passTokens
    ).ranges {
      try Interrupt.check()
      let pass = WindowPass(Array(windows[range]))
      try comparison.add(pass, of: model, hidden: pass.hidden(of: model))
      done += pass.ids.count
      progress?(Progress(stage: "diverge", done: done, total: total, unit: "tokens", tokens: done))
    }
    var result = comparison.result
    result.seconds = (clock.now - start) / .seconds(1)
    return result
  }
}

/// Two models that cut texts into different tokens.
public struct DifferentTokenizers: Failure, Equatable {
  public init() {}
  public var message: String { "the two models do not share a tokenizer and a vocabulary" }
  public var help: String? { "divergence compares predictions of the same tokens" }
}

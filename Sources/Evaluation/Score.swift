/// What one document contributes to a perplexity: its summed negative log-likelihood and how many tokens were scored.
///
/// Kept for every document, so that two models can be compared document by document.
public struct Score: Sendable, Hashable {
  /// Sum over the scored tokens, nats.
  public var nll: Double
  /// Tokens scored.
  public var tokens: Int

  public init(nll: Double, tokens: Int) {
    self.nll = nll
    self.tokens = tokens
  }

  /// Nats per token.
  public var mean: Double { nll / Double(tokens) }
}

extension Sequence<Score> {
  /// Everything taken together.
  public var total: Score {
    reduce(Score(nll: 0, tokens: 0)) { Score(nll: $0.nll + $1.nll, tokens: $0.tokens + $1.tokens) }
  }
}

/// One moment of a long operation, for a progress line. Values, not text: the console decides how to draw them.
public struct Progress: Sendable {
  /// What is being done, for example `"quantize"` or `"layer 3/32 mlp.down_proj"`.
  public var stage: String
  /// Units done so far.
  public var done: Int
  /// Units in all, where known.
  public var total: Int?
  /// What a unit is, in the plural: `"tokens"`, `"steps"`, `"layers"`.
  public var unit: String
  /// Tokens processed so far, where that is the natural rate.
  public var tokens: Int?
  /// The latest training loss, nats per token.
  public var loss: Double?

  public init(
    stage: String, done: Int, total: Int? = nil, unit: String, tokens: Int? = nil,
    loss: Double? = nil
  ) {
    self.stage = stage
    self.done = done
    self.total = total
    self.unit = unit
    self.tokens = tokens
    self.loss = loss
  }
}

/// Receives progress. Called from the thread that works, at most a few times per step; must return quickly.
public typealias ProgressHandler = @Sendable (Progress) -> Void

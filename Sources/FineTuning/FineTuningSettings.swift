/// How a fine-tune runs. Defaults are Olive's for LoRA.
public struct FineTuningSettings: Sendable, Hashable {
  public var steps = 100
  /// Sequences per step.
  public var batch = 16
  /// The peak learning rate.
  public var rate: Float = 2e-4
  public var schedule = Schedule()
  /// The largest global norm of a step's gradient; nil for no limit.
  public var clip: Float? = 1
  /// AdamW's weight decay.
  public var decay: Float = 0
  /// Seeds the order of the data and the dropout.
  public var seed: UInt64 = 42
  /// Whether sequences are seen in a shuffled order.
  public var shuffles = true
  /// Whether blocks are computed again on the way back instead of being kept: less memory, a third more time.
  public var checkpointing = false
  /// Tokens that go through the model together; a step with more goes in parts whose gradients add up. It bounds memory;
  /// nil for no bound.
  public var passTokens: Int? = 4096
  /// Steps between evaluations.
  public var log = 25

  public init() {}
}

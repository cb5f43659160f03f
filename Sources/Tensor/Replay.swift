/// A backend that can record what it is asked for, and do it again at a fraction of the cost of asking: for the many small
/// operations that a token of generation takes.
public protocol ReplayingBackend: Backend {
  /// Runs `body`, then records it. What it does must depend on nothing but the contents of tensors: no reading, no new
  /// numbers from the host.
  func record(_ body: () throws -> Tensor) throws -> any Recording
  /// Overwrites an i32 tensor `[count]`.
  func write(_ integers: [Int32], into target: Tensor) throws
  /// Rows of `table` whose numbers, all of them valid, are in the i32 tensor `ids`.
  func embedding(_ table: Tensor, at ids: Tensor) throws -> Tensor
  /// Chooses the likeliest next token, `scores [1, vocabulary]`, f32 or the activation, the first of equals. `inputs`, i32 `[2]`, hold a token
  /// and its position, and become the next; `history[position]`, i32, becomes the token chosen, or −1 where a score is NaN
  /// or none is finite.
  func advance(_ inputs: Tensor, by scores: Tensor, history: Tensor) throws
  /// All of `blocks` in one go for a token whose position the i32 `position` `[1]` holds; nil where their shapes, weights or
  /// the device do not allow it. It can be recorded. Weights and caches must outlive it unchanged.
  ///
  /// - Parameter head: What the result is multiplied by next: memory has time for it while the last block is under way.
  func tokenPass(
    _ blocks: [TokenBlock], head: Weight?, table: RotaryTable, position: Tensor,
    shape: AttentionShape, epsilon: Float
  ) throws -> (any TokenPass)?
}

/// What a backend has recorded.
public protocol Recording: AnyObject {
  /// What the recorded body returned; each replay overwrites it.
  var output: Tensor { get }
  func replay() throws
}

/// What a step of one token needs of a decoder block. Weights stand beside each other in the order of their outputs: queries,
/// keys and values in one matrix or three, gate and up in one or two.
public struct TokenBlock {
  /// `[hidden]`: in front of attention, and of the MLP.
  public var inputNorm, postNorm: Tensor
  public var attentionInput: [Weight]
  public var attentionOutput: Weight
  public var mlpInput: [Weight]
  public var mlpOutput: Weight
  public var cache: KeyValueCache

  public init(
    inputNorm: Tensor, postNorm: Tensor, attentionInput: [Weight], attentionOutput: Weight,
    mlpInput: [Weight], mlpOutput: Weight, cache: KeyValueCache
  ) {
    (self.inputNorm, self.postNorm) = (inputNorm, postNorm)
    (self.attentionInput, self.attentionOutput) = (attentionInput, attentionOutput)
    (self.mlpInput, self.mlpOutput) = (mlpInput, mlpOutput)
    self.cache = cache
  }
}

/// Decoder blocks made ready for one token at a time.
public protocol TokenPass: AnyObject {
  /// x `[1, hidden]` → what comes before the last block's MLP is added, and that: both `[1, hidden]`. Appends the token's keys
  /// and values to the caches, whose counts the caller moves on.
  func callAsFunction(_ x: Tensor) throws -> (residual: Tensor, delta: Tensor)
}

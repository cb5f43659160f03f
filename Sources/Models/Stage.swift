/// The four points of a block at which linears read a new input. Linears of one stage share it.
public enum Stage: Int, Sendable, CaseIterable {
  /// Queries, keys and values, in one linear or three.
  case attentionInput
  /// The attention's output projection.
  case attentionOutput
  /// Gate and up, in one linear or two.
  case mlpInput
  /// The down projection.
  case mlpOutput
}

/// Where a family keeps one linear of a block: its name under `model.layers.N.`, its stage and its shape.
public struct Projection: Sendable, Hashable {
  public var path: String
  public var stage: Stage
  /// Rows of the weight.
  public var outputs: Int
  /// Columns of the weight.
  public var inputs: Int
  /// Whether the checkpoint must hold a bias.
  public var bias: Bool

  public init(_ path: String, _ stage: Stage, outputs: Int, inputs: Int, bias: Bool = false) {
    self.path = path
    self.stage = stage
    self.outputs = outputs
    self.inputs = inputs
    self.bias = bias
  }
}

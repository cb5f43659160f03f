import Tensor

/// One decoder block: attention, then a gated MLP, each behind an RMS norm and added to the residual.
///
/// It runs whole, or in four stages between which a caller may look at the input of the next linears and replace them:
/// that is how quantization calibrates each linear on what the quantized ones before it produce, in a single pass.
public struct Block: Sendable {
  public let index: Int
  /// `[hidden]`.
  public var inputNorm: Tensor
  /// `[hidden]`.
  public var postNorm: Tensor
  /// In the order of execution.
  public var linears: [Linear]
  /// The stage of each linear.
  let stages: [Stage]

  public init(
    index: Int, inputNorm: Tensor, postNorm: Tensor, linears: [Linear], stages: [Stage]
  ) {
    self.index = index
    self.inputNorm = inputNorm
    self.postNorm = postNorm
    self.linears = linears
    self.stages = stages
  }

  /// Indices into `linears` of those that read the stage's input.
  public func linears(of stage: Stage) -> [Int] {
    linears.indices.filter { stages[$0] == stage }
  }

  /// The trainable tensors of the block.
  public var adapterTensors: [Tensor] { linears.flatMap { $0.adapter?.tensors ?? [] } }

  /// Where a pass through the block stands.
  public struct State {
    /// The residual stream `[n, hidden]`, without `delta`.
    public var residual: Tensor
    /// What the next stage's linears read; after the last stage, what the next block begins with is `residual + delta`.
    public var input: Tensor
    /// The MLP's output after the last stage, where it is not yet added: the next norm adds it in passing.
    public var delta: Tensor?

    /// The block's output `[n, hidden]`.
    public func output(_ execution: Execution) throws -> Tensor {
      if let delta { return try execution.add(residual, delta) }
      return residual
    }
  }

  /// The norm in front of attention: x `[n, hidden]`, to which `delta` is added first.
  public func begin(
    _ x: Tensor, adding delta: Tensor? = nil, _ execution: Execution, _ model: Model
  ) throws -> State {
    let norm = try execution.rmsNorm(
      x, adding: delta, weight: inputNorm, epsilon: model.config.epsilon)
    return State(residual: norm.sum, input: norm.y)
  }

  /// Runs the linears of `stage` and what follows up to the input of the next stage.
  ///
  /// - Parameter isRead: Whether anybody will read what the last stage's linears give.
  public func advance(
    _ stage: Stage, _ state: State, _ execution: Execution, _ model: Model, segments: Segments,
    dropout: DropoutContext? = nil, isRead: Bool = true
  ) throws -> State {
    try advance(stage, state, execution, model, dropout: dropout, isRead: isRead) { projections in
      try execution.attention(
        projections, rotary: try model.rotary.tables(length: segments.longest),
        segments: segments, shape: model.config.attentionShape)
    }
  }

  func advance(
    _ stage: Stage, _ state: State, _ execution: Execution, _ model: Model,
    dropout: DropoutContext?, isRead: Bool = true, attention: (Projections) throws -> Tensor
  ) throws -> State {
    var next = state
    let linears = linears(of: stage).map { self.linears[$0] }
    if stage == .mlpInput,
      let input = try Linear.gated(linears, state.input, execution, dropout: dropout)
    {
      next.input = input
      return next
    }
    // Where the linear adds to the residual itself, the norm after it has but the sum to read.
    if stage == .attentionOutput || stage == .mlpOutput && isRead,
      let sum = try linears[0].added(
        to: state.residual, state.input, execution, dropout: dropout)
    {
      next.residual = sum
      next.input =
        stage == .mlpOutput
        ? sum
        : try execution.rmsNorm(sum, weight: postNorm, epsilon: model.config.epsilon).y
      return next
    }
    let outputs = try linears.map {
      try $0(state.input, execution, dropout: dropout, isRead: isRead || stage != .mlpOutput)
    }
    switch stage {
    case .attentionInput: next.input = try attention(model.architecture.attentionInput(outputs))
    case .attentionOutput:
      let norm = try execution.rmsNorm(
        state.residual, adding: outputs[0], weight: postNorm, epsilon: model.config.epsilon)
      next.residual = norm.sum
      next.input = norm.y
    case .mlpInput: next.input = try execution.swiGLU(model.architecture.mlpInput(outputs))
    case .mlpOutput:
      next.input = outputs[0]
      next.delta = outputs[0]
    }
    return next
  }

  /// The block once more on a tape that is walked back at once: from its input to the summands of its output, whose values
  /// are not computed.
  func retrace(
    _ x: Tensor, _ execution: Execution, _ model: Model, segments: Segments,
    dropout: DropoutContext?
  ) throws -> [Tensor] {
    var state = try begin(x, execution, model)
    for stage in Stage.allCases {
      state = try advance(
        stage, state, execution, model, segments: segments, dropout: dropout, isRead: false)
    }
    return [state.residual] + (state.delta.map { [$0] } ?? [])
  }
}

import Models
import Runtime
import Tensor

/// What a pass learns about the input that the linears of one stage share.
public struct StageStatistics {
  /// f32 `[in, in]`: (2 / samples) · Σ xᵀ·x over all tokens.
  public var hessian: Tensor
  /// Where its factor may lie, so that both take the memory of one.
  public var room: Tensor?
  /// f32 `[in]`: Σ |x| over all tokens, where wanted.
  public var magnitudes: Tensor?
  public var tokens: Int
}

/// The calibration tokens on their way through the model: one pass, a block and within it a stage at a time, the
/// activations of all samples held in between.
///
/// The caller looks at the input of a stage, replaces the stage's linears, and lets the tokens advance through those:
/// every layer sees what the quantized ones before it produce, which tools that hook into a whole model need two passes
/// for. Memory: two activations per token, and the block's weights.
public struct CalibrationPass {
  private let model: Model
  private let execution: Execution
  private let samples: Int
  private let segments: [Segments]
  /// What the next block begins with: a residual stream, and what is still to be added to it.
  private var inputs: [(x: Tensor, delta: Tensor?)]
  private var states: [Block.State] = []
  /// Where the statistics come from, or are left; nil where they are one method's own.
  private let float: FloatStatistics?
  /// The block that was entered, and the stage reached.
  private var place: (block: Block, stage: Stage)?

  public let tokens: Int

  /// Inputs of a layer whose Hessian takes 64 MB.
  static let wide = 4096

  /// - Parameter float: For a pass through a float model as it is. Where it knows the statistics, no tokens go through.
  /// - Throws: `QuantizationFailure.blockTooLong`, `TokenOutOfRange`.
  public init(_ model: Model, _ data: CalibrationData, float: FloatStatistics? = nil) throws {
    self.model = model
    execution = model.execution()
    samples = data.blocks.count
    tokens = data.tokens
    self.float = float
    var segments: [Segments] = []
    var inputs: [(x: Tensor, delta: Tensor?)] = []
    // Tokens that advance together.
    let limit = model.backend.device.calibrationTokens
    var next = 0
    while next < data.blocks.count, float?.isKnown != true {
      try Interrupt.check()
      var batch: [Int32] = []
      var lengths: [Int] = []
      repeat {
        let block = data.blocks[next]
        guard block.count <= model.config.maxPositions else {
          throw QuantizationFailure.blockTooLong(
            length: block.count, maxPositions: model.config.maxPositions)
        }
        batch += block
        lengths.append(block.count)
        next += 1
      } while next < data.blocks.count
        && batch.count + data.blocks[next].count <= limit
      segments.append(Segments(lengths: lengths))
      inputs.append((try model.embed(batch), nil))
    }
    self.segments = segments
    self.inputs = inputs
  }

  /// Enters a block, up to the input of its first stage.
  ///
  /// - Parameter keepsInput: Whether `pass(through:)` shall be able to start here again.
  public mutating func begin(_ block: Block, keepsInput: Bool = false) throws {
    let start = ContinuousClock.now
    defer { float?.took(since: start) }
    place = (block, .attentionInput)
    states = []
    states.reserveCapacity(inputs.count)
    for index in inputs.indices {
      try Interrupt.check()
      states.append(
        try block.begin(inputs[index].x, adding: inputs[index].delta, execution, model))
      if !keepsInput { inputs[index] = (states[index].residual, nil) }
    }
    if !keepsInput { inputs = [] }
  }

  /// Measures the input of the stage reached.
  public func statistics(magnitudes: Bool = false) throws -> StageStatistics {
    let backend = model.backend
    if let place,
      let known = try float?.known(place.block, place.stage, tokens: tokens, on: backend)
    {
      return known
    }
    let start = ContinuousClock.now
    let width = states.first?.input.columns ?? 0
    // What is left of earlier work is not worth keeping beside a matrix as large as all weights of its layer.
    if width >= Self.wide { backend.trim() }
    let space = try backend.hessianSpace(width)
    let hessian = space.hessian
    try backend.fill(hessian, with: 0)
    var sums: Tensor?
    // Some methods want them, and who comes later may be one of those.
    if magnitudes || float != nil {
      let tensor = try backend.make([width], .f32)
      try backend.fill(tensor, with: 0)
      sums = tensor
    }
    for state in states {
      try Interrupt.check()
      try backend.gram(
        state.input, alpha: 2 / Float(samples), into: hessian, precision: execution.precision)
      if let sums { try backend.addMagnitudes(state.input, into: sums) }
    }
    let statistics = StageStatistics(
      hessian: hessian, room: space.factor, magnitudes: sums, tokens: tokens)
    if let place, let float {
      try float.keep(statistics, place.block, place.stage, on: backend)
      float.took(since: start)
    }
    return statistics
  }

  /// What the linear after `stage` would put out if the tokens went through `block`, a batch at a time: the output of the
  /// attention or of the MLP, where `stage` is its first. The tokens stay where they are.
  func outputs(of stage: Stage, through block: Block) throws -> [Tensor] {
    guard let next = Stage(rawValue: stage.rawValue + 1),
      let place = block.linears(of: next).first
    else { return [] }
    return try states.indices.map { index in
      try Interrupt.check()
      let state = try block.advance(
        stage, states[index], execution, model, segments: segments[index])
      return try block.linears[place](state.input, execution)
    }
  }

  /// Lets the tokens through the linears of `stage` as `block` has them.
  public mutating func advance(_ stage: Stage, through block: Block) throws {
    let start = ContinuousClock.now
    defer { float?.took(since: start) }
    if let next = Stage(rawValue: stage.rawValue + 1) { place?.stage = next }
    for index in states.indices {
      try Interrupt.check()
      states[index] = try block.advance(
        stage, states[index], execution, model, segments: segments[index])
    }
  }

  /// Leaves the block after its last stage.
  public mutating func end() {
    inputs = states.map { ($0.residual, $0.delta) }
    states = []
  }

  /// Takes the tokens from where the block was entered through the whole of `block`.
  mutating func pass(through block: Block) throws {
    states = []
    for index in inputs.indices {
      try Interrupt.check()
      var state = try block.begin(inputs[index].x, adding: inputs[index].delta, execution, model)
      for stage in Stage.allCases {
        state = try block.advance(stage, state, execution, model, segments: segments[index])
      }
      inputs[index] = (state.residual, state.delta)
    }
  }
}

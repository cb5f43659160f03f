import Runtime
import Tensor

extension Model {
  /// How this model's passes run.
  public func execution(tape: Tape? = nil) -> Execution {
    Execution(backend, precision: precision, tape: tape)
  }

  /// The embeddings of `ids`: `[ids.count, hidden]`.
  ///
  /// - Throws: `TokenOutOfRange` for an id that the embedding does not hold.
  public func embed(_ ids: [Int32]) throws -> Tensor {
    for id in ids where id < 0 || Int(id) >= config.vocabulary {
      throw TokenOutOfRange(id: Int(id), vocabulary: config.vocabulary)
    }
    return try backend.embedding(embedding, ids: ids)
  }

  /// The hidden states after the final norm: `[ids.count, hidden]`.
  ///
  /// With `checkpointing`, a taped pass keeps only the blocks' inputs and computes each block again on the way back.
  ///
  /// - Throws: `TokenOutOfRange`, `ShapeMismatch` where ids and segments differ in length, `Cancelled`.
  public func hidden(
    _ ids: [Int32], segments: Segments, tape: Tape? = nil, checkpointing: Bool = false,
    dropout: DropoutContext? = nil
  ) throws -> Tensor {
    guard ids.count == segments.tokens else {
      throw ShapeMismatch(
        operation: "hidden", expected: "\(segments.tokens) ids", found: "\(ids.count)")
    }
    if isPrepared, backend.lanes > 0, tape == nil, dropout == nil,
      let hidden = try hiddenInLanes(ids, segments: segments)
    {
      return hidden
    }
    var x = try embed(ids)
    var delta: Tensor?
    let checkpoints = checkpointing ? tape : nil
    let execution = execution(tape: checkpoints == nil ? tape : nil)
    var input: Tensor?
    /// What a block made of its input ends where the next one begins, which adds up what it left.
    func keep(_ block: Block, _ input: Tensor?, _ output: Tensor) {
      guard let checkpoints, let input else { return }
      checkpoints.checkpoint(output, of: input, parameters: block.adapterTensors) { x, tape in
        try block.retrace(
          x, self.execution(tape: tape), self, segments: segments, dropout: dropout)
      }
    }
    for (index, block) in blocks.enumerated() {
      try Interrupt.check()
      var state = try block.begin(x, adding: delta, execution, self)
      if index > 0 { keep(blocks[index - 1], input, state.residual) }
      input = state.residual
      for stage in Stage.allCases {
        state = try block.advance(
          stage, state, execution, self, segments: segments, dropout: dropout)
      }
      (x, delta) = (state.residual, state.delta)
    }
    if let checkpoints, let last = blocks.last {
      if let left = delta { x = try execution.add(x, left) }
      delta = nil
      keep(last, input, x)
      return try self.execution(tape: checkpoints).rmsNorm(
        x, weight: norm, epsilon: config.epsilon
      ).y
    }
    return try execution.rmsNorm(x, adding: delta, weight: norm, epsilon: config.epsilon).y
  }

  /// Scores over the vocabulary: hidden `[n, hidden]` → `[n, vocabulary]`. All of them at once: for a few rows.
  public func logits(_ hidden: Tensor) throws -> Tensor {
    try execution().linear(hidden, head)
  }

  /// The negative log-likelihood of each target in nats: hidden `[n, hidden]` → f32 `[n]`; negative targets give 0.
  ///
  /// With a tape, the gradient of `scale · Σ nll` is put on it.
  public func nll(_ hidden: Tensor, targets: [Int32], scale: Float = 1, tape: Tape? = nil) throws
    -> Tensor
  {
    guard targets.count == hidden.rows else {
      throw ShapeMismatch(
        operation: "nll", expected: "\(hidden.rows) targets", found: "\(targets.count)")
    }
    for target in targets where Int(target) >= config.vocabulary {
      throw TokenOutOfRange(id: Int(target), vocabulary: config.vocabulary)
    }
    return try execution(tape: tape).crossEntropy(
      hidden, head: head, targets: targets, scale: scale)
  }
}

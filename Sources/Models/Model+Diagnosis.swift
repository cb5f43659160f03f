import Tensor

extension Model {
  /// The first part of the model whose output on these tokens holds NaN or Inf: the name of a linear, of the embedding or
  /// of the head. Nil where all of it is finite.
  public func firstNonFinite(_ ids: [Int32], segments: Segments) throws -> String? {
    let execution = execution()
    func isFinite(_ x: Tensor) throws -> Bool {
      let x = x.dtype == .f32 ? x : try backend.convert(x, to: .f32)
      return try backend.sumOfSquares([x]).isFinite
    }
    var x = try embed(ids)
    guard try isFinite(x) else { return "model.embed_tokens" }
    for block in blocks {
      var state = try block.begin(x, execution, self)
      for stage in Stage.allCases {
        state = try block.advance(stage, state, execution, self, segments: segments)
        guard try isFinite(state.input) else {
          return block.linears(of: stage).first.map { block.linears[$0].name }
        }
      }
      x = try state.output(execution)
    }
    let hidden = try execution.rmsNorm(x, weight: norm, epsilon: config.epsilon).y
    guard try isFinite(hidden) else { return "model.norm" }
    let nll = try nll(hidden, targets: ids)
    return try isFinite(nll) ? nil : "lm_head"
  }
}

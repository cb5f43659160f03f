import Models
import Tensor

extension Model {
  /// The first part of the model whose output on `examples` is not finite, for a diagnosis; nil where all of it is.
  func firstNonFinite(in examples: [TrainingExample]) throws -> String? {
    let segments = Segments(lengths: examples.map(\.tokens.count))
    let execution = execution()
    func isFinite(_ x: Tensor) throws -> Bool {
      let x = x.dtype == .f32 ? x : try backend.convert(x, to: .f32)
      return try backend.sumOfSquares([x]).isFinite
    }
    var x = try embed(examples.flatMap(\.tokens))
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
    return "lm_head"
  }
}

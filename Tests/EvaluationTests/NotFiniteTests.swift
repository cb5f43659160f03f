import Models
import Tensor
import TestSupport
import Testing

@testable import Evaluation

struct NotFiniteTests {
  /// A weight that is NaN is found, and the layer named.
  @Test func aLikelihoodThatIsNoNumberNamesTheLayer() throws {
    let backend = try TestBackend.cpu
    let name = "model.layers.2.mlp.down_proj"
    let model = try loadModel(
      folder: "\(Shared.root)/stdlib/demo/phi", backend: backend, compute: .f32)
    #expect(try model.firstNonFinite([1, 2, 3], segments: Segments(lengths: [3])) == nil)
    var linear = try #require(model.linear(named: name))
    linear.weight = .dense(
      Tensor(
        [Float](repeating: .nan, count: linear.outputs * linear.inputs),
        shape: [linear.outputs, linear.inputs]))
    var broken = model
    broken.replace(linear)
    #expect(throws: NotFiniteLikelihood(document: 0, layer: name)) {
      try Perplexity.measure(broken, windows: [Window([1, 2, 3]), Window([4, 5])])
    }
    #expect(throws: NotFiniteLikelihood.self) {
      try Divergence.measure(broken, from: model, windows: [Window([1, 2, 3])])
    }
  }
}

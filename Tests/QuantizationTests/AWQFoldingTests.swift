import Models
import Tensor
import TestSupport
import Testing

@testable import Quantization

/// Scales folded into a block leave its function alone, grouped queries, biases and adapters included.
@Suite struct AWQFoldingTests {
  /// Numbers between 1/2 and 2.
  private func scales(_ count: Int, _ purpose: String) -> [Float] {
    let stream = RandomStream(seed: 7, purpose: purpose)
    return (0..<count).map { 0.5 + 1.5 * stream.uniform($0) }
  }

  private func noise(_ shape: [Int], _ purpose: String) throws -> Tensor {
    let stream = RandomStream(seed: 8, purpose: purpose)
    let count = shape.reduce(1, *)
    return try backend.vector((0..<count).map { (stream.uniform($0) - 0.5) * 0.2 })
      .reshaped(shape)
  }

  /// Biases on every linear and adapters on some.
  private func decorated(_ model: Model) throws -> Model {
    try model.mapLinears { linear in
      var linear = linear
      linear.bias = try noise([linear.outputs], "bias \(linear.name)")
      if !linear.name.hasSuffix("o_proj") {
        linear.adapter = Adapter(
          a: try noise([3, linear.inputs], "a \(linear.name)"),
          b: try noise([linear.outputs, 3], "b \(linear.name)"), rank: 3, alpha: 6)
      }
      return linear
    }
  }

  private func check(_ model: Model) throws {
    let model = try decorated(model)
    let sharing = HeadSharing(model.config)
    #expect(sharing.share == model.config.heads / model.config.kvHeads && sharing.share > 1)
    var folded = model
    for (index, block) in model.blocks.enumerated() {
      var factors = AWQScales()
      for stage in Stage.allCases {
        let inputs = block.linears[block.linears(of: stage)[0]].inputs
        var values = scales(inputs, "\(index) \(stage)")
        if stage == .attentionOutput { values = sharing.mean(values) }
        factors[stage] = values
      }
      let folding = try AWQFolding(block, factors, model.config, backend)
      var result = folding.norms
      for place in block.linears.indices {
        result.linears[place] = try folding.linear(place, keepsType: place % 2 == 0)
        #expect(result.linears[place].name == block.linears[place].name)
      }
      folded.blocks[index] = result
    }
    let ids = (0..<96).map { Int32($0 * 37 % 500 + 3) }
    func scores(_ model: Model) throws -> [Float] {
      try backend.read(
        try model.logits(try model.hidden(ids, segments: Segments(lengths: [40, 56]))))
    }
    let (before, after) = (try scores(model), try scores(folded))
    let largest = before.reduce(0) { max($0, abs($1)) }
    #expect(distance(before, after) < 2e-5 * largest)
    // A scale that is not folded back is seen.
    var wrong = folded
    wrong.blocks[0].inputNorm = model.blocks[0].inputNorm
    #expect(distance(before, try scores(wrong)) > 1e-2 * largest)
  }

  @Test(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
  func fusedProjections() throws { try check(Reference.model()) }

  @Test(.enabled(if: Shared.hasReal, "needs ../shared/real"))
  func separateProjections() throws {
    try check(loadModel(folder: "\(Shared.real ?? "")/models/stories260K", backend: backend))
  }

  /// Without the values' rows, sharing a scale among heads would be wrong: the heads of a group must agree.
  @Test(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
  func headsShareScales() throws {
    let config = try Reference.model().config
    let sharing = HeadSharing(config)
    #expect(sharing.rows == config.kvHeads * config.headWidth)
    // Head 3 of 8 reads value head 1 of 4.
    #expect(sharing.row(of: 3 * config.headWidth + 5) == config.headWidth + 5)
    let values = (0..<config.heads * config.headWidth).map { Float($0 % 7) }
    let mean = sharing.mean(values)
    for index in values.indices {
      let other =
        index / config.headWidth % 2 == 0 ? index + config.headWidth : index - config.headWidth
      #expect(mean[index] == mean[other] && mean[index] == (values[index] + values[other]) / 2)
    }
  }
}

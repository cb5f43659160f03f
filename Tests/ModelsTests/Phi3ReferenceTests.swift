import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// The trained tiny Phi-3 against transformers' float32 numbers.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct Phi3ReferenceTests {
  let folder = Shared.reference ?? ""
  /// What float32 arithmetic in another order may change a logit by.
  static let tolerance: Float = 2e-4

  private func sequence(_ name: String) throws -> [Int32] {
    ids(try json("\(folder)/phi3_logits.json")["sequences"]?[name]?["ids"])
  }

  @Test(arguments: ["A", "B", "C"]) func logits(_ name: String) throws {
    let model = try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
    let sequence = try sequence(name)
    #expect(sequence.count == ["A": 32, "B": 128, "C": 700][name])
    let expected = try values(
      "logits_\(name)", in: try Safetensors("\(folder)/phi3_logits.safetensors"))
    let all = try model.allLogits(sequence)
    let difference = distance(Array(all.suffix(expected.count)), expected)
    #expect(difference <= Self.tolerance, "largest difference \(difference)")
  }

  @Test func hiddenStates() throws {
    let model = try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
    let file = try Safetensors("\(folder)/phi3_logits.safetensors")
    let sequence = try sequence("A")
    let segments = Segments(lengths: [sequence.count])
    var x = try model.embed(sequence)
    for (index, block) in model.blocks.enumerated() {
      let difference = distance(try backend.read(x), try values("hidden_A_\(index)", in: file))
      #expect(difference <= Self.tolerance, "before block \(index): \(difference)")
      let execution = model.execution()
      var state = try block.begin(x, execution, model)
      for stage in Stage.allCases {
        state = try block.advance(stage, state, execution, model, segments: segments)
      }
      x = try state.output(execution)
    }
    let last = try model.hidden(sequence, segments: segments)
    let difference = distance(try backend.read(last), try values("hidden_A_4", in: file))
    #expect(difference <= Self.tolerance, "after the final norm: \(difference)")
  }

  @Test func perTokenLoss() throws {
    let model = try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
    let sequence = try sequence("B")
    let expected = try json("\(folder)/phi3_logits.json")["sequences"]?["B"]?["nll_per_token"]?
      .arrayValue?.compactMap { $0.doubleValue.map(Float.init) }
    let hidden = try model.hidden(sequence, segments: Segments(lengths: [sequence.count]))
    let nll = try backend.read(try model.nll(hidden, targets: sequence.dropFirst() + [-1]))
    #expect(distance(nll.dropLast(), expected ?? []) <= Self.tolerance)
    #expect(nll.last == 0)
  }

  /// Sequences of a batch do not see one another, and each takes the rotary factors of its own length.
  @Test func batchEqualsSequencesAlone() throws {
    let model = try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
    let (a, c) = (try sequence("A"), try sequence("C"))
    let hidden = try model.hidden(
      a + c + a, segments: Segments(lengths: [a.count, c.count, a.count]))
    let together = try backend.read(hidden)
    func alone(_ ids: [Int32]) throws -> [Float] {
      try backend.read(try model.hidden(ids, segments: Segments(lengths: [ids.count])))
    }
    #expect(distance(together, try alone(a) + alone(c) + alone(a)) <= 1e-4)
  }

  @Test func checkpointingChangesNothing() throws {
    let model = try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
    let sequence = try sequence("A")
    let segments = Segments(lengths: [sequence.count])
    func gradients(checkpointing: Bool) throws -> [[Float]] {
      let adapted = try model.mapLinears { linear in
        var linear = linear
        func random(_ shape: [Int], _ purpose: String) throws -> Tensor {
          let tensor = try backend.make(shape, .f32)
          let stream = RandomStream(seed: 7, purpose: purpose + linear.name)
          if let host = tensor.host?.assumingMemoryBound(to: Float.self) {
            for place in 0..<tensor.count { host[place] = stream.uniform(place) * 0.1 - 0.05 }
          }
          return tensor
        }
        linear.adapter = Adapter(
          a: try random([4, linear.inputs], "a"), b: try random([linear.outputs, 4], "b"), rank: 4,
          alpha: 8, dropout: 0.1)
        return linear
      }
      let tape = Tape(backend)
      let parameters = adapted.blocks.flatMap(\.adapterTensors)
      for parameter in parameters { tape.track(parameter) }
      let hidden = try adapted.hidden(
        sequence, segments: segments, tape: tape, checkpointing: checkpointing,
        dropout: DropoutContext(seed: 3, step: 1))
      _ = try adapted.nll(hidden, targets: sequence.dropFirst() + [-1], scale: 1, tape: tape)
      try tape.backward()
      return try parameters.map { parameter in
        try backend.read(try #require(tape.takeGradient(of: parameter)))
      }
    }
    let plain = try gradients(checkpointing: false)
    #expect(plain.count == 32)
    #expect(plain.allSatisfy { $0.contains { $0 != 0 } })
    #expect(try gradients(checkpointing: true) == plain)
  }
}

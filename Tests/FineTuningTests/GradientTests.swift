import Models
import Tensor
import Testing

@testable import FineTuning

/// The gradients of every trainable tensor through a whole model.
struct GradientTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  /// The loss of `model` in f64, from per-token f32 values.
  func loss(_ model: Model, _ examples: [TrainingExample], dropout: DropoutContext?) throws
    -> Double
  {
    let hidden = try model.hidden(
      examples.flatMap(\.tokens), segments: Segments(lengths: examples.map(\.tokens.count)),
      dropout: dropout)
    let nll = try backend.read(model.nll(hidden, targets: examples.flatMap(\.targets)))
    return nll.reduce(0.0) { $0 + Double($1) } / Double(examples.reduce(0) { $0 + $1.predictions })
  }

  /// Central differences along the gradient itself, which it must predict, and along a random direction.
  @Test(arguments: TinyModel.Family.allCases, [Float(0), 0.3])
  func gradientsAgreeWithFiniteDifferences(family: TinyModel.Family, dropout: Float) throws {
    let model = try TinyModel.adapted(family, dropout: dropout, backend: backend)
    let examples = TinyModel.examples()
    let run = try TrainingRun(
      model, data: TrainingData(examples: examples, packing: ""), settings: .init())
    let (value, gradients) = try run.gradients(of: examples, step: 0)
    let context = DropoutContext(seed: run.settings.seed, step: 0)
    #expect(try abs(value - loss(run.model, examples, dropout: context)) < 1e-6)
    #expect(gradients.count == 2 * model.allLinears.count)
    for (parameter, gradient) in zip(run.optimizer.parameters, gradients) {
      let gradient = try backend.read(try #require(gradient))
      let original = try backend.read(parameter.value)
      let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(norm > 1e-4, "\(parameter.layer) has a gradient")
      let random = try backend.read(
        TinyModel.noise(parameter.value.shape, deviation: 1, parameter.layer, seed: 77))
      let length = random.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      for direction in [
        gradient.map { Double($0) / norm }, random.map { Double($0) / length },
      ] {
        let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
        let step = 0.02
        func shifted(_ sign: Double) throws -> Double {
          let values = zip(original, direction).map { Float(Double($0) + sign * step * $1) }
          try backend.copy(Tensor(values, shape: parameter.value.shape), into: parameter.value)
          return try loss(run.model, examples, dropout: context)
        }
        let difference = try (shifted(1) - shifted(-1)) / (2 * step)
        try backend.copy(Tensor(original, shape: parameter.value.shape), into: parameter.value)
        // Sums of f32 losses are good to about 1e-7; the curvature's third order adds about 1e-4 of the gradient.
        #expect(
          abs(difference - expected) < 2e-5 + 2e-3 * norm,
          "\(parameter.layer): \(difference) by differences, \(expected) by the tape")
      }
    }
  }

  @Test(arguments: TinyModel.Family.allCases)
  func checkpointingGivesTheSameBits(family: TinyModel.Family) throws {
    let model = try TinyModel.adapted(family, dropout: 0.2, backend: backend)
    var settings = FineTuningSettings()
    let data = TrainingData(examples: TinyModel.examples(), packing: "")
    let plain = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 3)
    settings.checkpointing = true
    let again = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 3)
    #expect(plain.0 == again.0)
    for (one, other) in zip(plain.1, again.1) {
      #expect(try backend.read(#require(one)) == backend.read(#require(other)))
    }
  }

  @Test func partsOfABatchAddUpToTheWhole() throws {
    let model = try TinyModel.adapted(backend: backend)
    var settings = FineTuningSettings()
    let data = TrainingData(examples: TinyModel.examples(), packing: "")
    let whole = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 0)
    settings.passTokens = 17
    #expect(TrainingRun.parts(of: data.examples, tokens: 17).map(\.count) == [1, 1, 1, 1])
    #expect(TrainingRun.parts(of: data.examples, tokens: 26).map(\.count) == [2, 2])
    let parts = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 0)
    #expect(abs(whole.0 - parts.0) < 1e-6)
    for (one, other) in zip(whole.1, parts.1) {
      let (one, other) = (try backend.read(#require(one)), try backend.read(#require(other)))
      let scale = one.reduce(0) { max($0, abs($1)) }
      #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 * scale })
    }
  }

  /// A masked token has no part in the loss or the gradient.
  @Test func onlyPredictedTokensCount() throws {
    let model = try TinyModel.adapted(backend: backend)
    var example = TinyModel.examples(1)[0]
    example.predicted = example.tokens.indices.map { $0 >= 4 && $0 < 7 }
    #expect(example.predictions == 3)
    #expect(example.targets.map { $0 >= 0 } == (0..<9).map { $0 >= 3 && $0 < 6 })
    let run = try TrainingRun(
      model, data: TrainingData(examples: [example], packing: ""), settings: .init())
    let hidden = try model.hidden(example.tokens, segments: Segments(lengths: [9]))
    var whole = example
    whole.predicted = nil
    let nll = try backend.read(model.nll(hidden, targets: whole.targets))
    let expected = nll[3..<6].reduce(0.0) { $0 + Double($1) } / 3
    #expect(try abs(run.gradients(of: [example], step: 0).0 - expected) < 1e-6)
  }
}

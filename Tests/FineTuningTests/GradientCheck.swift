import Models
import Tensor
import Testing

@testable import FineTuning

/// The gradients of a training run against the loss that they are said to be of.
struct GradientCheck {
  let run: TrainingRun
  let examples: [TrainingExample]
  let backend: any Backend

  /// The loss of `model` in f64, from per-token f32 values.
  func loss(_ model: Model, dropout: DropoutContext?) throws -> Double {
    let hidden = try model.hidden(
      examples.flatMap(\.tokens), segments: Segments(lengths: examples.map(\.tokens.count)),
      dropout: dropout)
    let nll = try backend.read(model.nll(hidden, targets: examples.flatMap(\.targets)))
    return nll.reduce(0.0) { $0 + Double($1) } / Double(examples.reduce(0) { $0 + $1.predictions })
  }

  /// Central differences of `model`'s loss along each gradient, which it must predict, and along a random direction.
  ///
  /// - Parameters:
  ///   - model: Shares the run's parameters.
  ///   - tolerance: Of the loss itself.
  ///   - parameters: How many there must be.
  func differences(
    of model: Model, dropout: DropoutContext?, tolerance: Double, parameters: Int
  ) throws {
    let (value, gradients) = try run.gradients(of: examples, step: 0)
    #expect(try abs(value - loss(model, dropout: dropout)) < tolerance)
    #expect(gradients.count == parameters)
    for (parameter, gradient) in zip(run.optimizer.parameters, gradients) {
      let gradient = try backend.read(try #require(gradient))
      let original = try backend.read(parameter.value)
      let norm = Self.length(gradient)
      #expect(norm > 1e-4, "\(parameter.layer) has a gradient")
      let random = try backend.read(
        TinyModel.noise(parameter.value.shape, deviation: 1, parameter.layer, seed: 77))
      let length = Self.length(random)
      for direction in [
        gradient.map { Double($0) / norm }, random.map { Double($0) / length },
      ] {
        let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
        let step = 0.02
        func shifted(_ sign: Double) throws -> Double {
          let values = zip(original, direction).map { Float(Double($0) + sign * step * $1) }
          try backend.copy(Tensor(values, shape: parameter.value.shape), into: parameter.value)
          return try loss(model, dropout: dropout)
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

  private static func length(_ vector: [Float]) -> Double {
    vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// Training with checkpointing gives every gradient the same bits.
  static func checkpointing(_ model: Model, _ backend: any Backend) throws {
    let data = TrainingData(examples: TinyModel.examples(), packing: "")
    var settings = FineTuningSettings()
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
}

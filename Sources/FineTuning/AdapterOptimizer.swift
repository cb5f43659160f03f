import Checkpoints
import Models
import Runtime
import Tensor

/// The trainable tensors of a model's adapters, with AdamW's moments and a copy of the last good values.
///
/// Owns what it writes: the values are copies of the adapters it was made from, so the model that training started from
/// stays as it was.
///
/// *Paper:* Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); clipping by the global norm: Pascanu
/// et al., "On the difficulty of training recurrent neural networks" (2013).
struct AdapterOptimizer {
  struct Parameter {
    /// The layer it belongs to.
    let layer: String
    let value: Tensor
    let first: Tensor
    let second: Tensor
    /// The value when the loss was last seen to be finite.
    let good: Tensor

    var parts: [(name: String, tensor: Tensor)] {
      [("value", value), ("first", first), ("second", second), ("good", good)]
    }
  }

  let backend: any Backend
  private(set) var parameters: [Parameter] = []
  /// AdamW steps made.
  private(set) var steps = 0

  /// Takes copies of all adapters of `model` and makes it use them.
  init(_ model: inout Model) throws {
    backend = model.backend
    for block in model.blocks.indices {
      for index in model.blocks[block].linears.indices {
        let linear = model.blocks[block].linears[index]
        guard var adapter = linear.adapter else { continue }
        adapter.a = try add(adapter.a, layer: linear.name)
        adapter.b = try add(adapter.b, layer: linear.name)
        if let magnitude = adapter.magnitude {
          adapter.magnitude = Magnitude(try add(magnitude.values, layer: linear.name))
        }
        model.blocks[block].linears[index].adapter = adapter
      }
    }
  }

  private mutating func add(_ tensor: Tensor, layer: String) throws -> Tensor {
    let value = try backend.make(tensor.shape, .f32)
    try backend.copy(
      tensor.dtype == .f32 ? tensor : try backend.convert(tensor, to: .f32), into: value)
    func zeros() throws -> Tensor {
      let zeros = try backend.make(tensor.shape, .f32)
      try backend.fill(zeros, with: 0)
      return zeros
    }
    parameters.append(
      Parameter(
        layer: layer, value: value, first: try zeros(), second: try zeros(),
        good: try backend.make(tensor.shape, .f32)))
    try backend.copy(value, into: parameters[parameters.count - 1].good)
    return value
  }

  /// Elements trained.
  var count: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// Asks `tape` for the gradients of all parameters.
  func track(on tape: Tape) {
    for parameter in parameters { tape.track(parameter.value) }
  }

  /// Puts gradients of other passes on `tape`, to which its own are added.
  func put(_ gradients: [Tensor?], on tape: Tape) throws {
    for (parameter, gradient) in zip(parameters, gradients) {
      if let gradient { try tape.accumulate(gradient, for: parameter.value) }
    }
  }

  /// The gradients that arrived on `tape`, one place per parameter; nil where none did.
  func gradients(from tape: Tape) -> [Tensor?] {
    parameters.map { tape.takeGradient(of: $0.value) }
  }

  /// Remembers the values as good.
  func keep() throws {
    for parameter in parameters { try backend.copy(parameter.value, into: parameter.good) }
  }

  /// Returns to the values last kept.
  func restore() throws {
    for parameter in parameters { try backend.copy(parameter.good, into: parameter.value) }
  }

  /// One AdamW step, with the gradients' global norm clipped to `clip` where given.
  ///
  /// - Returns: The norm before clipping. Where it is not finite, nothing was changed.
  mutating func step(_ gradients: [Tensor?], rate: Float, decay: Float, clip: Float?) throws
    -> Double
  {
    let norm = try backend.sumOfSquares(gradients.compactMap { $0 }).squareRoot()
    guard norm.isFinite else { return norm }
    // As torch.nn.utils.clip_grad_norm_ does, the small term included.
    let scale = clip.map { min(1, Double($0) / (norm + 1e-6)) } ?? 1
    var settings = AdamWSettings(rate: rate)
    settings.decay = decay
    steps += 1
    try backend.adamW(
      zip(parameters, gradients).compactMap { parameter, gradient in
        gradient.map {
          AdamWParameter(
            value: parameter.value, gradient: $0, first: parameter.first,
            second: parameter.second)
        }
      }, settings: settings, step: steps, gradientScale: Float(scale))
    return norm
  }

  /// Bytes of everything that `sources` write.
  var stateBytes: Int { count * 4 * 4 }

  /// The values, moments and last good values, for a state that is kept.
  var sources: [TensorSource] {
    parameters.enumerated().flatMap { place, parameter in
      parameter.parts.map { name, tensor in
        TensorSource(name: "\(place).\(name)", tensor, backend: backend)
      }
    }
  }

  /// Takes the tensors of a kept state over.
  ///
  /// - Returns: Whether they are this optimizer's; otherwise nothing changed.
  mutating func restore(from tensors: Safetensors, steps: Int) throws -> Bool {
    let pairs = parameters.enumerated().flatMap { place, parameter in
      parameter.parts.map { ("\(place).\($0.name)", $0.tensor) }
    }
    for (name, target) in pairs {
      guard let info = tensors.info(name), info.dtype == .f32, info.shape == target.shape else {
        return false
      }
    }
    for (name, target) in pairs {
      try backend.copy(backend.place(tensors.tensor(name)), into: target)
    }
    self.steps = steps
    return true
  }

  /// The first layer whose gradient is not finite.
  func offender(_ gradients: [Tensor?]) throws -> String? {
    for (parameter, gradient) in zip(parameters, gradients) {
      if let gradient, try !backend.sumOfSquares([gradient]).isFinite { return parameter.layer }
    }
    return nil
  }

  /// The first layer whose values are not finite.
  func nonFinite() throws -> String? {
    guard try !backend.sumOfSquares(parameters.map(\.value)).isFinite else { return nil }
    return try parameters.first { try !backend.sumOfSquares([$0.value]).isFinite }?.layer
  }
}

/// The gate and up projections of a gated MLP: one fused tensor, or two.
public enum GateUp {
  /// `[n, 2·width]`: gate, then up.
  case fused(Tensor)
  case separate(gate: Tensor, up: Tensor)

  var views: (gate: Tensor, up: Tensor) {
    switch self {
    case .separate(let gate, let up): return (gate, up)
    case .fused(let tensor):
      let width = tensor.columns / 2
      return (tensor.columns(0..<width), tensor.columns(width..<2 * width))
    }
  }

  var tensors: [Tensor] {
    switch self {
    case .fused(let tensor): [tensor]
    case .separate(let gate, let up): [gate, up]
    }
  }

  func like(_ backend: any Backend) throws -> GateUp {
    switch self {
    case .fused(let tensor): .fused(try backend.make(tensor.shape, tensor.dtype))
    case .separate(let gate, let up):
      .separate(
        gate: try backend.make(gate.shape, gate.dtype), up: try backend.make(up.shape, up.dtype))
    }
  }
}

extension Execution {
  /// `silu(gate) · up`: `[n, width]`.
  ///
  /// *Paper:* Shazeer, "GLU variants improve Transformer" (2020).
  public func swiGLU(_ input: GateUp) throws -> Tensor {
    let (gate, up) = input.views
    let y = try backend.swiGLU(gate: gate, up: up)
    guard let tape, input.tensors.contains(where: tape.tracks) else { return y }
    let backend = backend
    tape.record(y) { [unowned tape] dy in
      let gradients = try input.like(backend)
      let (dGate, dUp) = gradients.views
      try backend.swiGLUBackward(dy, gate: gate, up: up, dGate: dGate, dUp: dUp)
      for (tensor, gradient) in zip(input.tensors, gradients.tensors) where tape.tracks(tensor) {
        try tape.accumulate(gradient, for: tensor)
      }
    }
    return y
  }
}

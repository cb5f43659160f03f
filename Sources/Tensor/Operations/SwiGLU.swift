/// The gate and up projections of a gated MLP: one fused tensor, or two.
public enum GateUp {
  /// `[n, 2·width]`: gate, then up.
  case fused(Tensor)
  case separate(gate: Tensor, up: Tensor)

  /// Each `[n, width]`.
  public var views: (gate: Tensor, up: Tensor) {
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

  /// Uninitialised tensors of the same shapes, for gradients.
  func like(_ backend: any Backend, _ type: DType) throws -> GateUp {
    switch self {
    case .fused(let tensor): .fused(try backend.make(tensor.shape, type))
    case .separate(let gate, let up):
      .separate(gate: try backend.make(gate.shape, type), up: try backend.make(up.shape, type))
    }
  }
}

extension Execution {
  /// `silu(gate) · up`: `[n, width]`.
  ///
  /// *Paper:* Shazeer, "GLU variants improve Transformer" (2020).
  public func swiGLU(_ input: GateUp) throws -> Tensor {
    let (gate, up) = input.views
    let recorder = tape.flatMap { input.tensors.contains(where: $0.tracks) ? $0 : nil }
    let type = operand(recorder)
    let y = try backend.swiGLU(gate: gate, up: up, as: type)
    if let tape = recorder { record(y, gating: input, tape) }
    return y
  }

  private func record(_ y: Tensor, gating input: GateUp, _ tape: Tape) {
    let (gate, up) = input.views
    let (backend, type) = (backend, y.dtype)
    var gateUp: Tensor?
    if case .fused(let tensor) = input { gateUp = tensor }
    tape.record(y, gating: gateUp) { [unowned tape] dy in
      // Element by element over what nobody reads any more, where it fits: it is the widest there is.
      let gradients =
        input.tensors.allSatisfy { tape.owns($0) && $0.dtype == type }
        ? input : try input.like(backend, type)
      let (dGate, dUp) = gradients.views
      try backend.swiGLUBackward(dy, gate: gate, up: up, dGate: dGate, dUp: dUp)
      for (tensor, gradient) in zip(input.tensors, gradients.tensors) where tape.tracks(tensor) {
        try tape.accumulate(gradient, for: tensor)
      }
    }
  }

  /// The same of what linears give of x, in one pass that never reads it, where the backend has one; else nil. One weight
  /// `[2·width, in]`, gates first, with its adapter, or two `[width, in]` without any.
  public func gatedLinear(_ x: Tensor, _ weights: [Weight], adapter: AdapterTerm?) throws -> Tensor?
  {
    let recorder = recording(x, adapter?.a, adapter?.b)
    guard recorder == nil || weights.count == 1,
      let output = try backend.gatedLinear(
        x, weights, adapter: adapter, precision: precision, keeps: recorder != nil)
    else { return nil }
    if let tape = recorder, let linear = output.linear {
      tape.record(linear.y, backward: backward(x, weights[0], adapter, linear.reduced, tape))
      record(output.y, gating: .fused(linear.y), tape)
    }
    return output.y
  }
}

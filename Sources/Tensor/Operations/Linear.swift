extension Execution {
  /// `y = x · Wᵀ + b + scale · (drop(x) · Aᵀ) · Bᵀ`: x `[n, in]` → `[n, out]`. The weight is frozen.
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor? = nil, adapter: AdapterTerm? = nil
  ) throws -> Tensor {
    let output = try backend.linear(
      x, weight, bias: bias, adapter: adapter, precision: precision)
    guard let tape = recording(x, adapter?.a, adapter?.b) else { return output.y }
    let (backend, precision) = (backend, precision)
    tape.record(output.y) { [unowned tape] dy in
      let gradients = try backend.linearBackward(
        dy, x: x, weight: weight, adapter: adapter, reduced: output.reduced, precision: precision,
        needsInput: tape.tracks(x))
      if let dx = gradients.dx { try tape.accumulate(dx, for: x) }
      if let adapter {
        if let da = gradients.da, tape.tracks(adapter.a) {
          try tape.accumulate(da, for: adapter.a)
        }
        if let db = gradients.db, tape.tracks(adapter.b) {
          try tape.accumulate(db, for: adapter.b)
        }
      }
    }
    return output.y
  }
}

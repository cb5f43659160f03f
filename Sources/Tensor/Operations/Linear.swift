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

extension Execution {
  /// `y = x · round(W + scale · B·A)ᵀ + b`, rounded on W's own grid: x `[n, in]` → `[n, out]`. What is computed is what
  /// merging the adapter gives, code for code.
  ///
  /// Rounding has no useful derivative, so gradients pass through it as if it were not there: A and B get those of the
  /// float sum, taken at the rounded weight; x gets that of the rounded weight itself. Dropout does not apply, as no
  /// branch of x goes through the adapter.
  ///
  /// *Paper:* Bondarenko et al., "Low-rank quantization-aware training for LLMs" (2024), eq. 3, here on the fixed grid of
  /// a quantized weight; the gradient: Bengio et al., "Estimating or propagating gradients through stochastic neurons for
  /// conditional computation" (2013).
  public func linear(
    _ x: Tensor, merging adapter: AdapterTerm, into matrix: PackedMatrix, bias: Tensor? = nil
  ) throws -> Tensor {
    let merged = Weight.packed(
      try backend.requantize(matrix, adding: try adapter.delta(on: backend)))
    let y = try backend.linear(x, merged, bias: bias, adapter: nil, precision: precision).y
    guard let tape = recording(x, adapter.a, adapter.b) else { return y }
    var term = adapter
    term.mask = nil
    let (backend, precision, adapter) = (backend, precision, term)
    tape.record(y) { [unowned tape] dy in
      if tape.tracks(x) {
        let dx = try backend.linearBackward(
          dy, x: x, weight: merged, adapter: nil, reduced: nil, precision: precision,
          needsInput: true
        ).dx
        if let dx { try tape.accumulate(dx, for: x) }
      }
      guard tape.tracks(adapter.a) || tape.tracks(adapter.b) else { return }
      // What a backend keeps of its input is its own affair, and depends on x and A alone: a layer as narrow as the
      // adapter gives the same at little cost.
      let none = try backend.make([adapter.rank, adapter.rank], .f32)
      try backend.fill(none, with: 0)
      let reduced = try backend.linear(
        x, .dense(adapter.a), bias: nil,
        adapter: AdapterTerm(a: adapter.a, b: none, scale: adapter.scale), precision: precision
      ).reduced
      let gradients = try backend.linearBackward(
        dy, x: x, weight: merged, adapter: adapter, reduced: reduced, precision: precision,
        needsInput: false)
      if let da = gradients.da, tape.tracks(adapter.a) { try tape.accumulate(da, for: adapter.a) }
      if let db = gradients.db, tape.tracks(adapter.b) { try tape.accumulate(db, for: adapter.b) }
    }
    return y
  }
}

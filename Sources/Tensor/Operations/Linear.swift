extension Execution {
  /// `y = x · Wᵀ + b + scale · (drop(x) · Aᵀ) · Bᵀ`: x `[n, in]` → `[n, out]`. The weight is frozen.
  ///
  /// - Parameter isRead: Whether anybody will read y. Where not, it is recorded but not computed: an empty tensor stands
  ///   for it on the tape.
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor? = nil, adapter: AdapterTerm? = nil,
    isRead: Bool = true
  ) throws -> Tensor {
    let output =
      isRead
      ? try backend.linear(x, weight, bias: bias, adapter: adapter, precision: precision)
      : LinearOutput(
        y: try backend.make([0, weight.rows], backend.activation),
        reduced: try adapter.map { try self.backend.reduced(x, $0, precision: self.precision) })
    if let tape = recording(x, adapter?.a, adapter?.b) {
      tape.record(output.y, backward: backward(x, weight, adapter, output.reduced, tape))
    }
    return output.y
  }

  /// `residual + x · Wᵀ + scale · (drop(x) · Aᵀ) · Bᵀ` in one pass that keeps the sum alone, where the backend has one; else
  /// nil: x `[n, in]`, residual `[n, out]` → `[n, out]`.
  public func linear(
    _ x: Tensor, _ weight: Weight, adapter: AdapterTerm, adding residual: Tensor
  ) throws -> Tensor? {
    guard
      let output = try backend.residualLinear(
        x, weight, adapter: adapter, adding: residual, precision: precision)
    else { return nil }
    if let tape = recording(x, adapter.a, adapter.b, residual) {
      let backward = backward(x, weight, adapter, output.reduced, tape)
      tape.record(output.y) { [unowned tape] dy in
        if tape.tracks(residual) { try tape.accumulate(dy, for: residual, shared: true) }
        try backward(dy)
      }
    }
    return output.y
  }

  /// What takes the gradient of a linear's output on to its input and adapter, as far as the tape tracks them.
  func backward(
    _ x: Tensor, _ weight: Weight, _ adapter: AdapterTerm?, _ reduced: Tensor?, _ tape: Tape
  ) -> (Tensor) throws -> Void {
    let (backend, precision) = (backend, precision)
    return { [unowned tape] dy in
      guard [x, adapter?.a, adapter?.b].contains(where: { $0.map(tape.tracks) ?? false }) else {
        return
      }
      if let adapter, let gateUp = tape.soleGateUp(of: x),
        let gradients = try backend.gatedInputBackward(
          dy, x: x, gateUp: gateUp, weight: weight, adapter: adapter, reduced: reduced,
          precision: precision, overwrites: tape.owns(gateUp))
      {
        try tape.accumulate(gradients, input: gateUp, adapter)
        return
      }
      let gradients = try backend.linearBackward(
        dy, x: x, weight: weight, adapter: adapter, reduced: reduced, precision: precision,
        needsInput: tape.tracks(x))
      try tape.accumulate(gradients, input: x, adapter)
    }
  }
}

extension Tape {
  fileprivate func accumulate(
    _ gradients: LinearGradients, input: Tensor, _ adapter: AdapterTerm?
  ) throws {
    if let dx = gradients.dx { try accumulate(dx, for: input) }
    guard let adapter else { return }
    if let da = gradients.da, tracks(adapter.a) { try accumulate(da, for: adapter.a) }
    if let db = gradients.db, tracks(adapter.b) { try accumulate(db, for: adapter.b) }
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
    try linear(
      x, merging: adapter,
      as: .packed(try backend.requantize(matrix, adding: try adapter.delta(on: backend))),
      bias: bias)
  }

  /// The same where the rounded sum, `merged`, is known.
  public func linear(
    _ x: Tensor, merging adapter: AdapterTerm, as merged: Weight, bias: Tensor? = nil
  ) throws -> Tensor {
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
      let reduced = try backend.reduced(x, adapter, precision: precision)
      let gradients = try backend.linearBackward(
        dy, x: x, weight: merged, adapter: adapter, reduced: reduced, precision: precision,
        needsInput: false)
      if let da = gradients.da, tape.tracks(adapter.a) { try tape.accumulate(da, for: adapter.a) }
      if let db = gradients.db, tape.tracks(adapter.b) { try tape.accumulate(db, for: adapter.b) }
    }
    return y
  }
}

extension Backend {
  /// Of a layer as narrow as the adapter, as what a backend keeps of its input depends on x and A alone.
  public func reduced(_ x: Tensor, _ adapter: AdapterTerm, precision: Precision) throws -> Tensor {
    let none = try make([adapter.rank, adapter.rank], .f32)
    try fill(none, with: 0)
    var term = adapter
    term.b = none
    term.forms = nil
    let output = try linear(
      x, .dense(adapter.a), bias: nil, adapter: term, precision: precision)
    guard let reduced = output.reduced else {
      throw ShapeMismatch(
        operation: "reduced", expected: "what an adapter's backward wants", found: "nothing")
    }
    return reduced
  }
}

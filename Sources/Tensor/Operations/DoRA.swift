/// What DoRA puts beside the two factors of an adapter: the length of each row of the adapted weight, trained apart from its
/// direction.
///
/// *Paper:* Liu et al., "DoRA: weight-decomposed low-rank adaptation" (2024), eq. 5.
public struct Magnitude: Sendable {
  /// m, f32 `[out]`.
  public var values: Tensor
  /// ‖W + scale · B·A‖ of each row, f32 `[out]`, where it is known; nil while the factors change.
  public var norms: Tensor?

  public init(_ values: Tensor, norms: Tensor? = nil) {
    self.values = values
    self.norms = norms
  }

  /// m/‖W + scale · B·A‖ and 1/‖W + scale · B·A‖, f32 `[out]` each; both 0 for a row that is zero, which has no direction.
  func factors(_ weight: Weight, _ adapter: AdapterTerm, on backend: any Backend) throws -> (
    ratio: Tensor, inverse: Tensor
  ) {
    let norms = try norms ?? backend.rowNorms(adapter.sum(with: weight, on: backend))
    let inverse = try backend.read(norms).map { $0 > 0 ? 1 / $0 : 0 }
    let ratio = zip(try backend.read(values), inverse).map { $0 * $1 }
    let shape = [inverse.count]
    return (
      try backend.place(Tensor(ratio, shape: shape)),
      try backend.place(Tensor(inverse, shape: shape))
    )
  }

  /// What stretches the rows of another weight as much as this does those of `old`.
  public func carried(
    from old: (weight: Weight, adapter: AdapterTerm),
    to new: (weight: Weight, adapter: AdapterTerm),
    on backend: any Backend
  ) throws -> Magnitude {
    let (ratio, _) = try factors(old.weight, old.adapter, on: backend)
    let norms = try backend.rowNorms(new.adapter.sum(with: new.weight, on: backend))
    let values = try backend.scaled(
      norms.reshaped([1, norms.count]), rows: nil, columns: ratio)
    return Magnitude(values.reshaped([norms.count]), norms: norms)
  }
}

extension AdapterTerm {
  /// `W + scale · B·A`: f32 `[out, in]`, in memory of its own.
  public func sum(with weight: Weight, on backend: any Backend) throws -> Tensor {
    try backend.product(
      b, transposed: false, a, transposed: false, alpha: scale, beta: 1,
      into: backend.floats(weight))
  }

  /// The change of the weight that the term and its magnitude stand for, m/‖W + scale · B·A‖ · (W + scale · B·A) − W:
  /// f32 `[out, in]`.
  public func delta(of weight: Weight, magnitude: Magnitude, on backend: any Backend) throws
    -> Tensor
  {
    let (ratio, _) = try magnitude.factors(weight, self, on: backend)
    let minus = try backend.place(
      Tensor([Float](repeating: -1, count: weight.rows), shape: [weight.rows]))
    return try backend.add(
      backend.scaled(sum(with: weight, on: backend), rows: ratio, columns: nil),
      backend.scaled(backend.floats(weight), rows: minus, columns: nil))
  }
}

extension Backend {
  /// The weight in f32 `[out, in]`, in memory of its own.
  fileprivate func floats(_ weight: Weight) throws -> Tensor {
    switch weight {
    case .dense(let tensor): try scaled(tensor, rows: nil, columns: nil)
    case .packed(let matrix): try dequantize(matrix)
    }
  }

  /// f32 results as activations.
  fileprivate func activations(_ result: Tensor) throws -> Tensor {
    result.dtype == activation ? result : try convert(result, to: activation)
  }
}

extension Execution {
  /// `y = c ⊙ (u · (W + scale · B·A)ᵀ) + (x − u) · Wᵀ + b` with c = m/‖W + scale · B·A‖ row by row and u = drop(x): x
  /// `[n, in]` → `[n, out]`. Without dropout u is x, and the second term is nothing.
  ///
  /// So dropout hides the input from all that the adapter changes, the stretching of W included, and from nothing else; this
  /// is what PEFT computes. The lengths count as constants on the way back: c ⊙ dy flows into the product, and m gets
  /// Σ dy ⊙ (u · (W + scale · B·A)ᵀ) / ‖W + scale · B·A‖.
  ///
  /// *Paper:* Liu et al., "DoRA: weight-decomposed low-rank adaptation" (2024), eq. 5; the gradient: section 4.3, eq. 11.
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm, magnitude: Magnitude
  ) throws -> Tensor {
    var term = adapter
    term.mask = nil
    let (backend, precision) = (backend, precision)
    let mask = adapter.dropout > 0 ? adapter.mask : nil
    /// What dropout leaves of `tensor`, or what it takes.
    func part(_ tensor: Tensor, _ mask: RandomStream, hidden: Bool) throws -> Tensor {
      let left = adapter.survivorScale
      return try backend.masked(
        tensor, by: mask, dropout: adapter.dropout, survivors: hidden ? 1 - left : left,
        hidden: hidden ? 1 : 0)
    }
    let (ratio, inverse) = try magnitude.factors(weight, term, on: backend)
    let input = try mask.map { try part(x, $0, hidden: false) } ?? x
    let turned = try backend.linear(input, weight, bias: nil, adapter: term, precision: precision)
    let stretched = try backend.scaled(turned.y, rows: nil, columns: ratio)
    if let bias {
      let ones = try backend.place(
        Tensor([Float](repeating: 1, count: x.rows), shape: [x.rows, 1]))
      let row = bias.dtype == .f32 ? bias : try backend.convert(bias, to: .f32)
      _ = try backend.product(
        ones, transposed: false, row.reshaped([1, row.count]), transposed: false, alpha: 1, beta: 1,
        into: stretched)
    }
    var y = try backend.activations(stretched)
    if let mask {
      let rest = try backend.linear(
        part(x, mask, hidden: true), weight, bias: nil, adapter: nil, precision: precision)
      y = try backend.add(y, rest.y)
    }
    guard let tape = recording(x, adapter.a, adapter.b, magnitude.values) else { return y }
    tape.record(y) { [unowned tape, term] dy in
      let needsInput = tape.tracks(x)
      let gradients = try backend.linearBackward(
        backend.activations(backend.scaled(dy, rows: nil, columns: ratio)), x: input,
        weight: weight, adapter: term, reduced: turned.reduced, precision: precision,
        needsInput: needsInput)
      if var dx = gradients.dx {
        if let mask {
          dx = try part(dx, mask, hidden: false)
          let rest = try backend.linearBackward(
            dy, x: x, weight: weight, adapter: nil, reduced: nil, precision: precision,
            needsInput: true)
          if let rest = rest.dx { dx = try backend.add(dx, part(rest, mask, hidden: true)) }
        }
        try tape.accumulate(dx, for: x)
      }
      if let da = gradients.da, tape.tracks(term.a) { try tape.accumulate(da, for: term.a) }
      if let db = gradients.db, tape.tracks(term.b) { try tape.accumulate(db, for: term.b) }
      if tape.tracks(magnitude.values) {
        let sums = try backend.columnDots(dy, turned.y)
        let dm = try backend.scaled(
          sums.reshaped([1, sums.count]), rows: nil, columns: inverse)
        try tape.accumulate(dm.reshaped([sums.count]), for: magnitude.values)
      }
    }
    return y
  }
}

import CPUKernels

extension CPUBackend {
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput {
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, "linear", "x", rows: nil, columns: inputs)
    try check(adapter, inputs: inputs, outputs: outputs)
    let y = try make([n, outputs], .f32)
    let target = try y.floats("linear")
    let a = Factor(try x.floats("linear"), .f32, stride: x.rowStride)
    if let bias {
      try require(
        bias.count == outputs && bias.isContiguous, "linear", expected: "bias [\(outputs)]",
        found: bias.summary)
      let values = try convert(bias, to: .f32)
      let source = try values.floats("linear")
      parallelRows(n, width: outputs) { rows, _ in
        for row in rows { (target + row * outputs).update(from: source, count: outputs) }
      }
    }
    try eachPanel(of: weight, as: .f32, "linear") { rows, panel in
      try multiply(
        m: n, n: rows.count, k: inputs, a, panel.transpose, target + rows.lowerBound,
        stride: outputs, beta: bias == nil ? 0 : 1)
    }
    guard let adapter else { return LinearOutput(y: y, reduced: nil) }
    let dropped = try drop(x, adapter)
    let reduced = try make([n, adapter.rank], .f32)
    let low = try reduced.floats("linear")
    try multiply(
      m: n, n: adapter.rank, k: inputs, dropped.factor,
      Factor(
        try adapter.a.floats("linear"), .f32, stride: adapter.a.rowStride, transposed: true),
      low, stride: adapter.rank, alpha: dropped.scale)
    try multiply(
      m: n, n: outputs, k: adapter.rank, Factor(low, .f32, stride: adapter.rank),
      Factor(
        try adapter.b.floats("linear"), .f32, stride: adapter.b.rowStride, transposed: true),
      target, stride: outputs, alpha: adapter.scale, beta: 1)
    return LinearOutput(y: y, reduced: reduced)
  }

  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients {
    let name = "linearBackward"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, name, "x", rows: nil, columns: inputs)
    try require(dy, name, "dy", rows: n, columns: outputs)
    try check(adapter, inputs: inputs, outputs: outputs)
    let upstream = Factor(try dy.floats(name), .f32, stride: dy.rowStride)
    var dx: Tensor?
    if needsInput {
      let gradient = try make([n, inputs], .f32)
      let target = try gradient.floats(name)
      try eachPanel(of: weight, as: .f32, name) { rows, panel in
        try multiply(
          m: n, n: inputs, k: rows.count, upstream.from(row: 0, column: rows.lowerBound), panel,
          target, stride: inputs, beta: rows.lowerBound == 0 ? 0 : 1)
      }
      dx = gradient
    }
    guard let adapter else { return LinearGradients(dx: dx, da: nil, db: nil) }
    let rank = adapter.rank
    guard let reduced else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    try require(reduced, name, "reduced", rows: n, columns: rank)
    let a = Factor(try adapter.a.floats(name), .f32, stride: adapter.a.rowStride)
    let b = Factor(try adapter.b.floats(name), .f32, stride: adapter.b.rowStride)

    // g = scale · dy · B
    let g = try make([n, rank], .f32)
    let low = Factor(try g.floats(name), .f32, stride: rank)
    try multiply(
      m: n, n: rank, k: outputs, upstream, b, try g.floats(name), stride: rank,
      alpha: adapter.scale)

    let db = try make([outputs, rank], .f32)
    try multiply(
      m: outputs, n: rank, k: n, upstream.transpose,
      Factor(try reduced.floats(name), .f32, stride: reduced.rowStride), try db.floats(name),
      stride: rank, alpha: adapter.scale)

    let dropped = try drop(x, adapter)
    let da = try make([rank, inputs], .f32)
    try multiply(
      m: rank, n: inputs, k: n, low.transpose, dropped.factor, try da.floats(name),
      stride: inputs, alpha: dropped.scale)

    if let dx {
      let target = try dx.floats(name)
      if let mask = adapter.survivors {
        let branch = try make([n, inputs], .f32)
        let source = try branch.floats(name)
        try multiply(m: n, n: inputs, k: rank, low, a, source, stride: inputs)
        let (kernels, scale) = (kernels, dropped.scale)
        parallelRows(n, width: inputs) { rows, _ in
          for row in rows {
            let start = row * inputs
            kernels.addSurvivors(
              source + start, scale, mask, UInt32(truncatingIfNeeded: start), target + start,
              inputs)
          }
        }
      } else {
        try multiply(m: n, n: inputs, k: rank, low, a, target, stride: inputs, beta: 1)
      }
    }
    return LinearGradients(dx: dx, da: da, db: db)
  }

  private func check(_ adapter: AdapterTerm?, inputs: Int, outputs: Int) throws {
    guard let adapter else { return }
    try require(adapter.a, "adapter", "A", rows: adapter.rank, columns: inputs)
    try require(adapter.b, "adapter", "B", rows: outputs, columns: adapter.rank)
  }

  /// x with the adapter's dropout applied, but not its 1/(1−p), which is `scale`.
  private func drop(_ x: Tensor, _ adapter: AdapterTerm) throws -> (
    tensor: Tensor, factor: Factor, scale: Float
  ) {
    let source = try x.floats("dropout")
    guard let mask = adapter.survivors else {
      return (x, Factor(source, .f32, stride: x.rowStride), 1)
    }
    let result = try make(x.shape, .f32)
    let target = try result.floats("dropout")
    let width = x.columns
    let kernels = kernels
    parallelRows(x.rows, width: width) { rows, _ in
      for row in rows {
        kernels.drop(
          source + row * x.rowStride, mask, UInt32(truncatingIfNeeded: row * width),
          target + row * width, width)
      }
    }
    return (result, Factor(target, .f32, stride: width), 1 / (1 - adapter.dropout))
  }
}

extension AdapterTerm {
  /// The mask as kernels take it, where there is dropout. `survives` compares 24 random bits times 2⁻²⁴ with p, which is
  /// exact; so is comparing the bits with ⌈p·2²⁴⌉.
  var survivors: DropoutMask? {
    guard let mask, dropout > 0 else { return nil }
    return DropoutMask(
      key: mask.key, threshold: UInt32(min((dropout * 0x1p24).rounded(.up), 0x1p24)))
  }
}

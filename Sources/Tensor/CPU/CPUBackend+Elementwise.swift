import CPUKernels

extension CPUBackend {
  public func embedding(_ table: Tensor, ids: [Int32]) throws -> Tensor {
    let width = table.columns
    try require(table, "embedding", "table", rows: nil, columns: nil)
    for id in ids where id < 0 || Int(id) >= table.rows {
      throw ShapeMismatch(
        operation: "embedding", expected: "ids below \(table.rows)", found: "\(id)")
    }
    let y = try make([ids.count, width], .f32)
    let target = try y.floats("embedding")
    let source = try table.bytes("embedding")
    let kernels = kernels
    parallelRows(ids.count, width: width) { rows, _ in
      for row in rows {
        Self.widen(
          source + Int(ids[row]) * table.rowStride * table.dtype.size, table.dtype,
          target + row * width, width, kernels)
      }
    }
    return y
  }

  public func rmsNorm(
    _ x: Tensor, adding delta: Tensor?, weight: Tensor, epsilon: Float, as type: DType
  ) throws -> NormOutput {
    let name = "rmsNorm"
    let (n, width) = (x.rows, x.columns)
    try require(x, name, "x", rows: nil, columns: nil)
    if let delta { try require(delta, name, "delta", rows: n, columns: width) }
    let w = try normWeight(weight, width, name)
    let factors = try w.floats(name)
    let sum = try delta == nil ? x : make([n, width], .f32)
    let y = try make([n, width], type)
    let inverse = try make([n], .f32)
    let (input, total) = (try x.floats(name), try sum.floats(name))
    let added = try delta?.floats(name)
    let (output, scales) = (try y.output(name), try inverse.floats(name))
    let kernels = kernels
    parallelRows(n, width: width) { rows, _ in
      for row in rows {
        scales[row] = kernels.rmsNorm(
          input + row * x.rowStride,
          added.map { UnsafePointer($0 + row * (delta?.rowStride ?? 0)) },
          factors, epsilon, added == nil ? nil : total + row * width, output + row * width, width)
      }
    }
    return NormOutput(sum: sum, y: y, inverse: inverse)
  }

  public func rmsNormBackward(
    _ dy: Tensor, sum: Tensor, weight: Tensor, inverse: Tensor, adding dSum: Tensor?
  ) throws -> Tensor {
    let name = "rmsNormBackward"
    let (n, width) = (sum.rows, sum.columns)
    try require(sum, name, "sum", rows: nil, columns: nil)
    try require(dy, name, "dy", rows: n, columns: width)
    if let dSum { try require(dSum, name, "dSum", rows: n, columns: width) }
    try require(inverse.count == n, name, expected: "inverse [\(n)]", found: inverse.summary)
    let w = try normWeight(weight, width, name)
    let factors = try w.floats(name)
    let dx = try make([n, width], .f32)
    let (upstream, total) = (try dy.floats(name), try sum.floats(name))
    let (scales, target) = (try inverse.floats(name), try dx.floats(name))
    let earlier = try dSum?.floats(name)
    let kernels = kernels
    parallelRows(n, width: width) { rows, _ in
      for row in rows {
        kernels.rmsNormBackward(
          upstream + row * dy.rowStride, total + row * sum.rowStride, factors, scales[row],
          earlier.map { UnsafePointer($0 + row * (dSum?.rowStride ?? 0)) }, target + row * width,
          width)
      }
    }
    return dx
  }

  /// The weight of a norm as f32, whatever it is stored as.
  private func normWeight(_ weight: Tensor, _ width: Int, _ name: String) throws -> Tensor {
    try require(
      weight.count == width && weight.isContiguous, name, expected: "weight [\(width)]",
      found: weight.summary)
    return weight.dtype == .f32 ? weight : try convert(weight, to: .f32)
  }

  public func swiGLU(gate: Tensor, up: Tensor, as type: DType) throws -> Tensor {
    let (n, width) = (gate.rows, gate.columns)
    try require(gate, "swiGLU", "gate", rows: nil, columns: nil)
    try require(up, "swiGLU", "up", rows: n, columns: width)
    let y = try make([n, width], type)
    let (g, u, target) = (
      try gate.floats("swiGLU"), try up.floats("swiGLU"), try y.output("swiGLU")
    )
    let kernels = kernels
    parallelRows(n, width: width * 4) { rows, _ in
      for row in rows {
        kernels.swiGLU(
          g + row * gate.rowStride, u + row * up.rowStride, target + row * width, width)
      }
    }
    return y
  }

  public func swiGLUBackward(_ dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor)
    throws
  {
    let name = "swiGLUBackward"
    let (n, width) = (gate.rows, gate.columns)
    for (label, tensor) in [
      ("dy", dy), ("gate", gate), ("up", up), ("dGate", dGate), ("dUp", dUp),
    ] {
      try require(tensor, name, label, rows: n, columns: width)
    }
    try require(
      dGate.dtype == dUp.dtype, name, expected: "dUp of \(dGate.dtype.rawValue)",
      found: dUp.summary)
    let (d, g, u) = (try dy.floats(name), try gate.floats(name), try up.floats(name))
    let (dg, du) = (try dGate.output(name), try dUp.output(name))
    let kernels = kernels
    parallelRows(n, width: width * 4) { rows, _ in
      for row in rows {
        kernels.swiGLUBackward(
          d + row * dy.rowStride, g + row * gate.rowStride, u + row * up.rowStride,
          dg + row * dGate.rowStride, du + row * dUp.rowStride, width)
      }
    }
  }

  public func add(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try require(a.shape == b.shape, "add", expected: a.summary, found: b.summary)
    let y = try make(a.shape, .f32)
    try addRows(a, b, into: y, "add")
    return y
  }

  public func accumulate(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape, "accumulate", expected: target.summary, found: source.summary)
    try addRows(target, source, into: target, "accumulate")
  }

  private func addRows(_ a: Tensor, _ b: Tensor, into y: Tensor, _ name: String) throws {
    let (first, second, target) = (try a.floats(name), try b.floats(name), try y.floats(name))
    let kernels = kernels
    if a.isContiguous, b.isContiguous, y.isContiguous {
      // As one row, in parts: tensors of few long rows are shared out too.
      let (count, part) = (a.count, 16_384)
      parallelRows((count + part - 1) / part, width: part) { parts, _ in
        let start = parts.lowerBound * part
        let length = min(parts.upperBound * part, count) - start
        kernels.add(first + start, second + start, target + start, length)
      }
      return
    }
    parallelRows(a.rows, width: a.columns) { rows, _ in
      for row in rows {
        kernels.add(
          first + row * a.rowStride, second + row * b.rowStride, target + row * y.rowStride,
          a.columns)
      }
    }
  }
}

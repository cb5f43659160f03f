import CPUKernels

extension CPUBackend {
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, name, "x", rows: nil, columns: inputs)
    let type = factorType(precision)
    let y = try make([n, outputs], .f32)
    let target = try y.floats(name)
    var offsets: UnsafeMutablePointer<Float>?
    var bias = bias
    if let values = bias {
      try require(
        values.count == outputs && values.isContiguous, name, expected: "bias [\(outputs)]",
        found: values.summary)
      bias = values.dtype == .f32 ? values : try convert(values, to: .f32)
      offsets = try bias?.floats(name)
    }
    let term = try adapter.map {
      try AdapterFactors($0, inputs: inputs, outputs: outputs, type, self)
    }
    let input = try LinearInput(x, term, type, self)
    let kernels = kernels
    try eachPanel(of: weight, as: type, name) { rows, panel in
      let tiles = ProductTiles(rows: n, columns: rows.count, depth: inputs, threads: pool.count)
      parallel(tiles.count) { task, workspace in
        let (height, width) = tiles[task]
        let column = rows.lowerBound + width.lowerBound
        let corner = target + height.lowerBound * outputs + column
        if let offsets {
          for i in 0..<height.count {
            (corner + i * outputs).update(from: offsets + column, count: width.count)
          }
        }
        workspace.multiply(
          m: height.count, n: width.count, k: inputs,
          input.x.from(row: height.lowerBound, column: 0),
          panel.from(row: width.lowerBound, column: 0).transpose, corner, stride: outputs,
          beta: offsets == nil ? 0 : 1)
        if let term, let reduced = input.reduced {
          workspace.multiply(
            m: height.count, n: width.count, k: term.rank,
            reduced.from(row: height.lowerBound, column: 0),
            term.b.from(row: column, column: 0).transpose, corner, stride: outputs, beta: 1)
        }
      }
    }
    withExtendedLifetime((bias, kernels)) {}
    return LinearOutput(y: y, reduced: input.reducedTensor)
  }
}

/// The input of a linear layer as its products take it, and as its adapter does.
private struct LinearInput {
  /// x `[n, in]`.
  var x: Factor
  /// 1/(1−p) · drop(x)·Aᵀ `[n, rank]`.
  var reduced: Factor?
  var reducedTensor: Tensor?
  private var owner: Tensor

  /// One pass over tiles of rows: while they are in the cache they are converted, masked and reduced.
  init(_ x: Tensor, _ term: AdapterFactors?, _ type: DType, _ backend: CPUBackend) throws {
    let name = "linear"
    let (n, inputs) = (x.rows, x.columns)
    let source = try x.floats(name)
    let converts = type != .f32
    owner = try converts ? backend.make([n, inputs], type) : x
    let narrow = try converts ? owner.bytes(name).assumingMemoryBound(to: UInt16.self) : nil
    self.x = Factor(
      try owner.bytes(name), type, stride: converts ? inputs : x.rowStride)
    let rank = term?.rank ?? 0
    let low = try term.map { _ in try backend.make([n, rank], type) }
    let lowBytes = try low?.bytes(name)
    reducedTensor = low
    reduced = lowBytes.map { Factor($0, type, stride: rank) }
    guard converts || term != nil else { return }
    let tiles = ProductTiles(
      rows: n, columns: 1, depth: inputs * max(rank, 8), threads: backend.pool.count)
    let whole = self.x
    backend.parallel(tiles.count) { task, workspace in
      let (rows, kernels) = (tiles[task].rows, workspace.kernels)
      if let narrow {
        for row in rows {
          kernels.narrowToBF16(source + row * x.rowStride, 1, narrow + row * inputs, inputs)
        }
      }
      guard let term, let lowBytes else { return }
      var masked = whole.from(row: rows.lowerBound, column: 0)
      if term.mask != nil {
        let tile = workspace.buffer(0, rows.count * inputs * type.size, of: UInt8.self)
        for row in rows {
          kernels.drop(
            source + row * x.rowStride, term.mask, UInt32(truncatingIfNeeded: row * inputs),
            UnsafeMutableRawPointer(tile) + (row - rows.lowerBound) * inputs * type.size, type,
            inputs)
        }
        masked = Factor(tile, type, stride: inputs)
      }
      let target = lowBytes + rows.lowerBound * rank * type.size
      let floats =
        type == .f32
        ? target.assumingMemoryBound(to: Float.self) : workspace.floats(1, rows.count * rank)
      workspace.multiply(
        m: rows.count, n: rank, k: inputs, masked, term.a.transpose, floats, stride: rank,
        alpha: term.survivorScale)
      if type == .bf16 {
        kernels.narrowToBF16(
          floats, 1, target.assumingMemoryBound(to: UInt16.self), rows.count * rank)
      }
    }
  }
}

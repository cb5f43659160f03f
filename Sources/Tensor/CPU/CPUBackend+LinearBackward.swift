import CPUKernels

extension CPUBackend {
  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients {
    let name = "linearBackward"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try require(x, name, "x", rows: nil, columns: inputs)
    try require(dy, name, "dy", rows: n, columns: outputs)
    let type = factorType(precision)
    let term = try adapter.map {
      try AdapterFactors($0, inputs: inputs, outputs: outputs, type, self)
    }
    let upstream = try LinearUpstream(dy, x, term, type, self)
    let dx = try needsInput ? make([n, inputs], .f32) : nil
    if let dx {
      let target = try dx.floats(name)
      try eachPanel(of: weight, as: type, name) { rows, panel in
        let (first, last) = (rows.lowerBound == 0, rows.upperBound == outputs)
        let tiles = ProductTiles(rows: n, columns: inputs, depth: rows.count, threads: pool.count)
        parallel(tiles.count) { task, workspace in
          let (height, width) = tiles[task]
          let corner = target + height.lowerBound * inputs + width.lowerBound
          workspace.multiply(
            m: height.count, n: width.count, k: rows.count,
            upstream.dy.from(row: height.lowerBound, column: rows.lowerBound),
            panel.from(row: 0, column: width.lowerBound), corner, stride: inputs,
            beta: first ? 0 : 1)
          guard last, let term, let g = upstream.g else { return }
          let low = g.from(row: height.lowerBound, column: 0)
          let a = term.a.from(row: 0, column: width.lowerBound)
          guard let mask = term.mask else {
            return workspace.multiply(
              m: height.count, n: width.count, k: term.rank, low, a, corner, stride: inputs,
              beta: 1)
          }
          let branch = workspace.floats(0, height.count * width.count)
          workspace.multiply(
            m: height.count, n: width.count, k: term.rank, low, a, branch, stride: width.count)
          for i in 0..<height.count {
            let index = (height.lowerBound + i) * inputs + width.lowerBound
            workspace.kernels.addSurvivors(
              branch + i * width.count, term.survivorScale, mask,
              UInt32(truncatingIfNeeded: index), corner + i * inputs, width.count)
          }
        }
      }
    }
    guard let adapter, let term, let g = upstream.g, let masked = upstream.masked else {
      return LinearGradients(dx: dx, da: nil, db: nil)
    }
    guard let reduced else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    try require(reduced, name, "reduced", rows: n, columns: term.rank)
    let low = try factor(reduced, type, name)
    let da = try make([term.rank, inputs], .f32)
    let db = try make([outputs, term.rank], .f32)
    let (targetA, targetB) = (try da.floats(name), try db.floats(name))
    // Sums over all tokens, which are not cut, so that the order of additions is fixed.
    let tilesA = ProductTiles(rows: term.rank, columns: inputs, depth: n, threads: pool.count)
    let tilesB = ProductTiles(rows: outputs, columns: term.rank, depth: n, threads: pool.count)
    parallel(tilesA.count + tilesB.count) { task, workspace in
      if task < tilesA.count {
        let (height, width) = tilesA[task]
        workspace.multiply(
          m: height.count, n: width.count, k: n,
          g.transpose.from(row: height.lowerBound, column: 0),
          masked.from(row: 0, column: width.lowerBound),
          targetA + height.lowerBound * inputs + width.lowerBound, stride: inputs,
          alpha: term.survivorScale)
      } else {
        let (height, width) = tilesB[task - tilesA.count]
        workspace.multiply(
          m: height.count, n: width.count, k: n,
          upstream.dy.transpose.from(row: height.lowerBound, column: 0),
          low.factor.from(row: 0, column: width.lowerBound),
          targetB + height.lowerBound * term.rank + width.lowerBound, stride: term.rank,
          alpha: adapter.scale)
      }
    }
    withExtendedLifetime((upstream, low.tensor)) {}
    return LinearGradients(dx: dx, da: da, db: db)
  }
}

/// What a linear layer's backward multiplies with, prepared in one pass over tiles of rows.
private struct LinearUpstream {
  /// dy `[n, out]`.
  var dy: Factor
  /// drop(x) `[n, in]`, without its 1/(1−p).
  var masked: Factor?
  /// scale · dy·B `[n, rank]`.
  var g: Factor?
  private var owners: [Tensor]

  init(_ dy: Tensor, _ x: Tensor, _ term: AdapterFactors?, _ type: DType, _ backend: CPUBackend)
    throws
  {
    let name = "linearBackward"
    let (n, inputs, outputs) = (x.rows, x.columns, dy.columns)
    let (source, gradients) = (try x.floats(name), try dy.floats(name))
    let converts = type != .f32
    let upstream = try converts ? backend.make([n, outputs], type) : dy
    let narrow = try converts ? upstream.bytes(name).assumingMemoryBound(to: UInt16.self) : nil
    self.dy = Factor(
      try upstream.bytes(name), type, stride: converts ? outputs : dy.rowStride)
    owners = [upstream]
    var maskedBytes: UnsafeMutableRawPointer?
    var lowBytes: UnsafeMutableRawPointer?
    let rank = term?.rank ?? 0
    if let term {
      let low = try backend.make([n, rank], type)
      lowBytes = try low.bytes(name)
      g = Factor(try low.bytes(name), type, stride: rank)
      owners.append(low)
      if converts || term.mask != nil {
        let tensor = try backend.make([n, inputs], type)
        maskedBytes = try tensor.bytes(name)
        masked = Factor(try tensor.bytes(name), type, stride: inputs)
        owners.append(tensor)
      } else {
        masked = Factor(source, type, stride: x.rowStride)
      }
    }
    guard converts || term != nil else { return }
    let tiles = ProductTiles(
      rows: n, columns: 1, depth: outputs * max(rank, 8), threads: backend.pool.count)
    let whole = self.dy
    backend.parallel(tiles.count) { task, workspace in
      let (rows, kernels) = (tiles[task].rows, workspace.kernels)
      if let narrow {
        for row in rows {
          kernels.narrowToBF16(
            gradients + row * dy.rowStride, 1, narrow + row * outputs, outputs)
        }
      }
      guard let term, let lowBytes else { return }
      let target = lowBytes + rows.lowerBound * rank * type.size
      let floats =
        type == .f32
        ? target.assumingMemoryBound(to: Float.self) : workspace.floats(1, rows.count * rank)
      workspace.multiply(
        m: rows.count, n: rank, k: outputs, whole.from(row: rows.lowerBound, column: 0), term.b,
        floats, stride: rank)
      if type == .bf16 {
        kernels.narrowToBF16(
          floats, 1, target.assumingMemoryBound(to: UInt16.self), rows.count * rank)
      }
      if let maskedBytes {
        for row in rows {
          kernels.drop(
            source + row * x.rowStride, term.mask, UInt32(truncatingIfNeeded: row * inputs),
            maskedBytes + row * inputs * type.size, type, inputs)
        }
      }
    }
  }
}

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
    let upstream = try LinearUpstream(dy, term, type, self)
    let split = RowSplit(rows: n, threads: pool.count)
    if !split.fused || !needsInput {
      try parallelSteps(split.count) { upstream.prepare(split[$0], $1) }
    }
    let dx = try needsInput ? make([n, inputs], .f32) : nil
    if let dx {
      try inputGradient(
        upstream, weight, term, split, type, into: try dx.floats(name), name)
    }
    guard let term, let g = upstream.g else { return LinearGradients(dx: dx, da: nil, db: nil) }
    guard let reduced else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    let width = term.keptColumns(inputs: inputs, type)
    try require(
      reduced.shape == [n, width] && reduced.dtype == type && reduced.isContiguous, name,
      expected: "the reduced input [\(n), \(width)] \(type.rawValue)", found: reduced.summary)
    let kept = Factor(try reduced.bytes(name), type, stride: width)
    let masked =
      width > term.rank ? kept : Factor(try x.bytes(name), .f32, stride: x.rowStride)
    let da = try make([term.rank, inputs], .f32)
    let db = try make([outputs, term.rank], .f32)
    try factorGradients(
      g: g, masked: masked, low: kept.from(row: 0, column: width - term.rank), dy: upstream.dy,
      rows: n, inputs: inputs, outputs: outputs, term, da: try da.floats(name),
      db: try db.floats(name))
    withExtendedLifetime((upstream, reduced, x)) {}
    return LinearGradients(dx: dx, da: da, db: db)
  }

  /// `dx = dy · W + drop(g · A)`.
  private func inputGradient(
    _ upstream: LinearUpstream, _ weight: Weight, _ term: AdapterFactors?, _ split: RowSplit,
    _ type: DType, into target: UnsafeMutablePointer<Float>, _ name: String
  ) throws {
    let (inputs, outputs) = (weight.columns, weight.rows)
    try eachPanel(of: weight, as: type, name) { rows, panel in
      let (first, last) = (rows.lowerBound == 0, rows.upperBound == outputs)
      let tiles =
        split.fused
        ? split.tiles(columns: inputs)
        : ProductTiles(
          rows: upstream.rows, columns: inputs, depth: rows.count, threads: pool.count)
      try parallelSteps(tiles.count) { task, workspace in
        let (height, width) = tiles[task]
        if split.fused, first { upstream.prepare(height, workspace) }
        for part in width.parts(of: 512) {
          let corner = target + height.lowerBound * inputs + part.lowerBound
          workspace.multiply(
            m: height.count, n: part.count, k: rows.count,
            upstream.dy.from(row: height.lowerBound, column: rows.lowerBound),
            panel.from(row: 0, column: part.lowerBound), corner, stride: inputs,
            beta: first ? 0 : 1)
          guard last, let term, let g = upstream.g else { continue }
          let low = g.from(row: height.lowerBound, column: 0)
          let a = term.a.from(row: 0, column: part.lowerBound)
          guard let mask = term.mask else {
            workspace.multiply(
              m: height.count, n: part.count, k: term.rank, low, a, corner, stride: inputs,
              beta: 1)
            continue
          }
          let branch = workspace.floats(0, height.count * part.count)
          workspace.multiply(
            m: height.count, n: part.count, k: term.rank, low, a, branch, stride: part.count)
          for i in 0..<height.count {
            let index = (height.lowerBound + i) * inputs + part.lowerBound
            workspace.kernels.addSurvivors(
              branch + i * part.count, 1, mask, UInt32(truncatingIfNeeded: index),
              corner + i * inputs, part.count)
          }
        }
      }
    }
  }

  /// `dA = gᵀ · drop(x)` and `dB = dyᵀ · low`, scaled. Sums over all rows are not cut, so that the order of additions is
  /// fixed.
  private func factorGradients(
    g: Factor, masked: Factor, low: Factor, dy: Factor, rows: Int, inputs: Int, outputs: Int,
    _ term: AdapterFactors, da: UnsafeMutablePointer<Float>, db: UnsafeMutablePointer<Float>
  ) throws {
    let rank = term.rank
    // Wide tiles are fast, but the threads should end together.
    var width = 256
    while width > 64, (inputs + outputs) / width < (width > 128 ? 4 : 2) * pool.count { width /= 2 }
    let height = min(rank, 256)
    let tilesA = ProductTiles(rows: rank, columns: inputs, height: height, width: width)
    let tilesB = ProductTiles(rows: rank, columns: outputs, height: height, width: width)
    try parallelSteps(tilesA.count + tilesB.count) { task, workspace in
      if task < tilesA.count {
        let (height, width) = tilesA[task]
        workspace.multiply(
          m: height.count, n: width.count, k: rows,
          g.transpose.from(row: height.lowerBound, column: 0),
          masked.from(row: 0, column: width.lowerBound),
          da + height.lowerBound * inputs + width.lowerBound, stride: inputs)
        return
      }
      // As its transpose: a product with few rows and many columns is faster than one with many rows and few columns.
      let (height, width) = tilesB[task - tilesA.count]
      let tile = workspace.floats(0, height.count * width.count)
      workspace.multiply(
        m: height.count, n: width.count, k: rows,
        low.transpose.from(row: height.lowerBound, column: 0),
        dy.from(row: 0, column: width.lowerBound), tile, stride: width.count)
      for j in 0..<width.count {
        let row = db + (width.lowerBound + j) * rank + height.lowerBound
        for i in 0..<height.count { row[i] = term.scale * tile[i * width.count + j] }
      }
    }
  }
}

/// What a linear layer's backward multiplies with.
private struct LinearUpstream {
  let rows: Int
  /// dy `[n, out]`.
  let dy: Factor
  /// dy · B `[n, rank]`, B scaled.
  let g: Factor?
  private let term: AdapterFactors?
  private let type: DType
  private let outputs: Int
  private let source: UnsafeMutablePointer<Float>
  private let stride: Int
  private let narrow: UnsafeMutablePointer<UInt16>?
  private let low: UnsafeMutableRawPointer?
  private let owners: [Tensor]

  init(_ dy: Tensor, _ term: AdapterFactors?, _ type: DType, _ backend: CPUBackend) throws {
    let name = "linearBackward"
    (rows, outputs, self.term, self.type) = (dy.rows, dy.columns, term, type)
    (source, stride) = (try dy.floats(name), dy.rowStride)
    let upstream = try type == .f32 ? dy : backend.make([dy.rows, dy.columns], type)
    let reduced = try term.map { try backend.make([dy.rows, $0.rank], type) }
    owners = [upstream] + (reduced.map { [$0] } ?? [])
    narrow = type == .f32 ? nil : try upstream.bytes(name).assumingMemoryBound(to: UInt16.self)
    self.dy = Factor(
      try upstream.bytes(name), type, stride: type == .f32 ? dy.rowStride : dy.columns)
    low = try reduced?.bytes(name)
    g = low.map { Factor($0, type, stride: term?.rank ?? 0) }
  }

  /// Converts and reduces some rows.
  func prepare(_ rows: Range<Int>, _ workspace: Workspace) {
    let kernels = workspace.kernels
    if let narrow {
      for row in rows {
        kernels.narrowToBF16(source + row * stride, 1, narrow + row * outputs, outputs)
      }
    }
    guard let term, let low else { return }
    let target = low + rows.lowerBound * term.rank * type.size
    let floats =
      type == .f32
      ? target.assumingMemoryBound(to: Float.self)
      : workspace.floats(1, rows.count * term.rank)
    workspace.multiply(
      m: rows.count, n: term.rank, k: outputs, dy.from(row: rows.lowerBound, column: 0), term.b,
      floats, stride: term.rank)
    if type != .f32 {
      kernels.narrowToBF16(
        floats, 1, target.assumingMemoryBound(to: UInt16.self), rows.count * term.rank)
    }
  }
}

import CPUKernels

extension CPUBackend {
  /// Rows of the Hessian that are walked at a time, for all tiles of a task: as many as stay in the cache.
  private static let panelRows = 64

  public func roundingError(_ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?) throws
    -> RoundingError
  {
    let name = "roundingError"
    let strips = try Strips(.dense(weight), name, self)
    let rounded = try Strips(.packed(matrix), name, self)
    try require(weight, name, "weight", rows: matrix.rows, columns: matrix.columns)
    let h = try hessian.map { try metric($0, weight.columns, name) }
    let kernels = kernels
    let tiles = processor.tiles
    let zero = RoundingError(difference: 0, weight: 0, differenceProxy: 0, weightProxy: 0)
    let parts = try parallelStrips(strips.count, most: 4, initial: zero) { range, workspace in
      let count = range.count
      let differences = workspace.floats(0, count * strips.size)
      let weights = workspace.floats(1, count * strips.size)
      let scratch = workspace.floats(2, strips.size)
      let totals = workspace.floats(3, 2 * count * tileRows)
      var part = zero
      for (local, index) in range.enumerated() {
        let (d, w) = (differences + local * strips.size, weights + local * strips.size)
        _ = strips.load(index, w, scratch)
        _ = rounded.load(index, d, scratch)
        tiles.compareTile(d, strips.columns, nil, w, d)
        part.difference += kernels.sumOfSquares(d, strips.size)
        part.weight += kernels.sumOfSquares(w, strips.size)
      }
      guard let h else { return part }
      part.differenceProxy = Self.quadratic(differences, strips, count, h, totals, tiles)
      part.weightProxy = Self.quadratic(weights, strips, count, h, totals, tiles)
      return part
    }
    var sum = zero
    for part in parts {
      sum.difference += part.difference
      sum.weight += part.weight
      sum.differenceProxy = (sum.differenceProxy ?? 0) + (part.differenceProxy ?? 0)
      sum.weightProxy = (sum.weightProxy ?? 0) + (part.weightProxy ?? 0)
    }
    if hessian == nil { (sum.differenceProxy, sum.weightProxy) = (nil, nil) }
    return sum
  }

  public func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double {
    let name = "scaledRoundingCost"
    let strips = try Strips(.dense(weight), name, self)
    let columns = weight.columns
    let width = grid.width(columns: columns)
    try require(
      width > 0 && columns % width == 0, name,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    try require(
      scale.count == columns && scale.isContiguous, name, expected: "scale [\(columns)]",
      found: scale.summary)
    let factors = try scale.floats(name)
    let h = try metric(hessian, columns, name)
    let tileGrid = TileGrid(grid, rule)
    let tiles = processor.tiles
    let costs = try parallelStrips(strips.count, most: 4, initial: 0.0) { range, workspace in
      let count = range.count
      let differences = workspace.floats(0, count * strips.size)
      let tile = workspace.floats(1, strips.size)
      let scratch = workspace.floats(2, strips.size)
      let totals = workspace.floats(3, count * tileRows)
      let scales = workspace.floats(4, tileRows)
      let zeros = workspace.floats(5, tileRows)
      for (local, index) in range.enumerated() {
        guard strips.load(index, tile, scratch) else { return .nan }
        let d = differences + local * strips.size
        tiles.scaleTile(tile, columns, factors, d)
        for start in Swift.stride(from: 0, to: strips.size, by: tileRows * width) {
          tiles.findGrid(d + start, width, tileGrid, scales, zeros)
          tiles.roundTile(d + start, width, tileGrid, scales, zeros, nil, d + start)
        }
        tiles.compareTile(d, columns, factors, tile, d)
      }
      return Self.quadratic(differences, strips, count, h, totals, tiles)
    }
    let cost = costs.reduce(0, +)
    guard cost.isFinite else { throw NotFinite(operation: name, what: "weight") }
    return cost
  }

  private struct Metric {
    var address: UnsafePointer<Float>
    var stride: Int
  }

  private func metric(_ hessian: Tensor, _ width: Int, _ operation: String) throws -> Metric {
    try require(hessian, operation, "hessian", rows: width, columns: width)
    return Metric(
      address: UnsafePointer(try hessian.floats(operation)), stride: hessian.rowStride)
  }

  /// Σ d·H·dᵀ over the rows of `count` tiles.
  private static func quadratic(
    _ space: UnsafePointer<Float>, _ strips: Strips, _ count: Int, _ h: Metric,
    _ totals: UnsafeMutablePointer<Float>, _ tiles: any TileKernels.Type
  ) -> Double {
    totals.update(repeating: 0, count: count * tileRows)
    var sum = 0.0
    var first = 0
    while first < strips.columns {
      let last = min(first + panelRows, strips.columns)
      for local in 0..<count {
        tiles.addQuadratic(
          space + local * strips.size, h.address, h.stride, first, last,
          totals + local * tileRows)
      }
      first = last
    }
    for lane in 0..<count * tileRows { sum += Double(totals[lane]) }
    return sum
  }
}

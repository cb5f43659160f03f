import CPUKernels

extension CPUBackend {
  public func scaled(_ matrix: Tensor, rows: Tensor?, columns: Tensor?) throws -> Tensor {
    let name = "scaled"
    let source = try RowSource(.dense(matrix), name)
    let rowFactors = try factors(rows, matrix.rows, name)
    let columnFactors = try factors(columns, matrix.columns, name)
    let result = try make([matrix.rows, matrix.columns], .f32)
    let target = try result.floats(name)
    let width = matrix.columns
    let (kernels, tiles) = (kernels, processor.tiles)
    parallelRows(matrix.rows, width: width) { range, _ in
      for row in range {
        let y = target + row * width
        source.write(row: row, y, as: .f32, kernels)
        tiles.scaleRow(y, rowFactors?[row] ?? 1, columnFactors, y, width)
      }
    }
    return result
  }

  private func factors(_ tensor: Tensor?, _ count: Int, _ operation: String) throws
    -> UnsafePointer<Float>?
  {
    guard let tensor else { return nil }
    try require(
      tensor.count == count && tensor.isContiguous, operation, expected: "factors [\(count)]",
      found: tensor.summary)
    return UnsafePointer(try tensor.floats(operation))
  }

  public func addMagnitudes(_ x: Tensor, into sums: Tensor) throws {
    let name = "addMagnitudes"
    let width = x.columns
    try require(
      sums.count == width && sums.isContiguous, name, expected: "sums [\(width)]",
      found: sums.summary)
    let (source, target) = (try x.floats(name), try sums.floats(name))
    let tiles = processor.tiles
    // A task owns some columns and walks all rows, so that the order of the sums does not depend on the threads.
    let part = 256
    parallel((width + part - 1) / part) { task, _ in
      let start = task * part
      let count = min(part, width - start)
      for row in 0..<x.rows {
        tiles.addMagnitudes(source + row * x.rowStride + start, target + start, count)
      }
    }
  }

  public func relativeMagnitudes(_ weight: Tensor, group: Int?) throws -> Tensor {
    let name = "relativeMagnitudes"
    let strips = try Strips(.dense(weight), name, self)
    let columns = weight.columns
    let width = group ?? columns
    try require(
      width > 0 && columns % width == 0, name,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    let tiles = processor.tiles
    // One row of sums for each range of strips, added in order.
    let most = 16
    let partial = try make([max(1, (strips.count + most - 1) / most), columns], .f32)
    try fill(partial, with: 0)
    let sums = try partial.floats(name)
    let faults = try parallelStrips(strips.count, most: most, initial: TileFault.none) {
      range, workspace in
      let tile = workspace.floats(0, strips.size)
      let scratch = workspace.floats(1, strips.size)
      let row = sums + range.lowerBound / most * columns
      for index in range {
        guard strips.load(index, tile, scratch) else { return .weight }
        for start in stride(from: 0, to: columns, by: width) {
          tiles.addRelativeMagnitudes(tile + tileRows * start, width, row + start)
        }
      }
      return .none
    }
    try TileFault.check(faults, name)
    let result = try make([columns], .f32)
    let target = try result.floats(name)
    target.update(repeating: 0, count: columns)
    for row in 0..<partial.rows { kernels.add(target, sums + row * columns, target, columns) }
    return result
  }

  public func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor)
    throws -> Tensor
  {
    let name = "clippingLimits"
    let strips = try Strips(.dense(weight), name, self)
    let columns = weight.columns
    let width = grid.width(columns: columns)
    try require(
      width > 0 && columns % width == 0, name,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    try require(hessian, name, "hessian", rows: columns, columns: columns)
    let h = try hessian.floats(name)
    let stride = hessian.rowStride
    let groups = columns / width
    let limits = try make([weight.rows, groups], .f32)
    let target = try limits.floats(name)
    let tileGrid = TileGrid(grid, rule)
    let tiles = processor.tiles
    let faults = try parallelStrips(strips.count, most: 4, initial: TileFault.none) {
      range, workspace in
      let tile = workspace.floats(0, strips.size)
      let scratch = workspace.floats(1, strips.size)
      let limit = workspace.floats(2, tileRows)
      for index in range {
        guard strips.load(index, tile, scratch) else { return .weight }
        let rows = strips.rows(of: index)
        for group in 0..<groups {
          let start = group * width
          tiles.findLimit(
            tile + tileRows * start, width, tileGrid, h + start * stride + start, stride, 0.05, 10,
            scratch, limit)
          for lane in 0..<rows.count {
            target[(rows.lowerBound + lane) * groups + group] = limit[lane]
          }
        }
      }
      return .none
    }
    try TileFault.check(faults, name)
    return limits
  }
}

import CPUKernels

extension CPUBackend {
  /// Columns rounded before their errors are spread over the rest.
  private static let blockWidth = 128
  /// Later columns that a block's errors reach at a time: as much of the factor as stays in the cache.
  private static let spreadWidth = 256

  /// Rows are independent of each other, so a task takes a few strips of rows through all columns. Within a strip the
  /// walk is by blocks: each column's error goes to the rest of its block at once, and to the columns behind the block
  /// when the block is done.
  public func gptq(
    _ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule
  ) throws -> PackedMatrix {
    let name = "gptq"
    let (rows, columns) = (weight.rows, weight.columns)
    let strips = try Strips(.dense(weight), name, self)
    let output = try PackedOutput(rows: rows, columns: columns, grid: grid, name, self)
    try require(factor.upper, name, "factor", rows: columns, columns: columns)
    let upper = try factor.upper.floats(name)
    let stride = factor.upper.rowStride
    let plan = try WalkPlan(factor.order, grid: grid, columns: columns, name)
    try require(
      factor.dead.allSatisfy { $0 >= 0 && Int($0) < columns }, name,
      expected: "dead columns below \(columns)", found: "\(factor.dead)")

    let width = grid.width(columns: columns)
    // A block ends where a group does, so that a group's weights are all current when its scale is found.
    let block =
      plan.groups != nil
      ? Self.blockWidth : max(width, Self.blockWidth / width * width)
    let tileGrid = TileGrid(grid, rule)
    let tiles = processor.tiles
    let most = max(1, min(4, strips.count / (threads * 2)))
    let faults = try parallelStrips(strips.count, most: most, initial: TileFault.none) {
      range, workspace in
      let space = workspace.floats(0, range.count * strips.size)
      let scratch = workspace.floats(1, strips.size)
      let original = workspace.floats(2, plan.order == nil ? 0 : strips.size)
      let codes = workspace.buffer(3, range.count * strips.size, of: UInt8.self)
      let errors = workspace.floats(4, range.count * tileRows * block)
      let scales = workspace.floats(5, range.count * tileRows * output.groups)
      let zeros = workspace.floats(6, range.count * tileRows * output.groups)

      for (local, index) in range.enumerated() {
        let tile = space + local * strips.size
        let loaded = plan.order == nil ? tile : original
        guard strips.load(index, loaded, scratch) else { return .weight }
        for column in factor.dead {
          (loaded + tileRows * Int(column)).update(repeating: 0, count: tileRows)
        }
        if plan.groups != nil {
          for group in 0..<output.groups {
            let place = tileRows * (local * output.groups + group)
            tiles.findGrid(
              loaded + tileRows * width * group, width, tileGrid, scales + place, zeros + place)
          }
        }
        if let order = plan.order {
          for place in 0..<columns {
            (tile + tileRows * place).update(
              from: original + tileRows * Int(order[place]), count: tileRows)
          }
        }
      }

      var start = 0
      while start < columns {
        let end = min(start + block, columns)
        for local in 0..<range.count {
          let tile = space + local * strips.size
          // Scales that are found on the way are stored from the block's first group on.
          let first = plan.groups == nil ? start / width : 0
          let place = tileRows * (local * output.groups + first)
          plan.withGroups(from: start) { groups in
            tiles.gptqTile(
              tile + tileRows * start, end - start, upper + start * stride + start, stride,
              tileGrid, width, groups, scales + place, zeros + place,
              codes + local * strips.size + tileRows * start,
              errors + local * tileRows * block)
          }
        }
        var next = end
        while next < columns {
          let stop = min(next + Self.spreadWidth, columns)
          for local in 0..<range.count {
            tiles.spreadErrors(
              errors + local * tileRows * block, end - start, upper + start * stride + next,
              stride, space + local * strips.size + tileRows * next, stop - next)
          }
          next = stop
        }
        start = end
      }

      for (local, index) in range.enumerated() {
        let place = tileRows * local * output.groups
        let fault = plan.withPlaces { places in
          output.write(
            strips.rows(of: index), codes: codes + local * strips.size, places: places,
            scales: scales + place, zeros: zeros + place, targets: plan.targets, tiles)
        }
        if fault != .none { return fault }
      }
      return .none
    }
    try TileFault.check(faults, name)
    return output.matrix(groupIndex: try plan.groupIndex.map { try integers($0) })
  }

  private func integers(_ values: [Int32]) throws -> Tensor {
    let tensor = try make([values.count], .i32)
    let target = try tensor.bytes("gptq").assumingMemoryBound(to: Int32.self)
    for (index, value) in values.enumerated() { target[index] = value }
    return tensor
  }
}

/// Where columns and groups stand on GPTQ's walk through a matrix.
private struct WalkPlan {
  /// The column at each place; nil for their own order.
  var order: [Int32]?
  /// The place of each column.
  var places: [Int32]?
  /// The group of the column at each place, where scales are found first.
  var groups: [Int32]?
  /// Where the group found n-th on the way is stored.
  var targets: [Int32]?
  /// The group of each column, where the result must say it.
  var groupIndex: [Int32]?

  init(_ order: ColumnOrder?, grid: Grid, columns: Int, _ operation: String) throws {
    let width = grid.width(columns: columns)
    let whole = width == columns
    if let order {
      guard order.columns.count == columns, let places = order.places else {
        throw ShapeMismatch(
          operation: operation, expected: "an order of \(columns) columns",
          found: "\(order.columns.count) numbers that are none")
      }
      self.order = order.columns
      self.places = places
    }
    if whole || order?.grouping == .fixed {
      groups = (0..<columns).map { place in
        whole ? 0 : (self.order?[place] ?? Int32(place)) / Int32(width)
      }
      return
    }
    guard let order, let places else { return }
    switch order.grouping {
    case .fixed: return
    case .kept:
      let targets = stride(from: 0, to: columns, by: width).map {
        order.columns[$0] / Int32(width)
      }
      for place in 0..<columns where order.columns[place] / Int32(width) != targets[place / width] {
        throw ShapeMismatch(
          operation: operation, expected: "an order that keeps groups of \(width) together",
          found: "column \(order.columns[place]) at place \(place)")
      }
      self.targets = targets
    case .formed: groupIndex = places.map { $0 / Int32(width) }
    }
  }

  func withGroups(from start: Int, _ body: (UnsafePointer<Int32>?) -> Void) {
    guard let groups else { return body(nil) }
    groups.withUnsafeBufferPointer { body($0.baseAddress.map { $0 + start }) }
  }

  func withPlaces<Result>(_ body: (UnsafePointer<Int32>?) -> Result) -> Result {
    guard let places else { return body(nil) }
    return places.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}

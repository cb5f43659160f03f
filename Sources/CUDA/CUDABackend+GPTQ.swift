import Tensor

extension CUDABackend {
  /// Columns that one launch rounds, and rows of its blocks.
  private static let blockWidth = 128
  private static let blockRows = 64

  /// A block of columns is rounded in one launch, each thread walking along its row; what the block's errors change in the
  /// columns behind it is one matrix product in f32.
  public func gptq(
    _ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule
  ) throws -> PackedMatrix {
    let name = "gptq"
    let (rows, columns) = (weight.rows, weight.columns)
    try check(weight, name, "weight", rows: rows, columns: columns)
    try check(factor.upper, name, "factor", rows: columns, columns: columns, .f32)
    let output = try PackedOutput(rows: rows, columns: columns, grid: grid, name, self)
    try require(
      factor.dead.allSatisfy { $0 >= 0 && Int($0) < columns }, name,
      expected: "dead columns below \(columns)", found: "\(factor.dead)")
    let width = grid.width(columns: columns)
    let plan = try WalkPlan(factor.order, width: width, columns: columns, name)
    // The walk takes 16 columns at a time where groups allow it.
    let source: KernelSource = width % 16 == 0 || plan.groups != nil ? .gptq : .gptqByColumns

    var isDead = [UInt8](repeating: 0, count: columns)
    for column in factor.dead { isDead[Int(column)] = 1 }
    let dead = factor.dead.isEmpty ? nil : try upload(isDead, .u8, name)
    let order = try factor.order.map { try upload($0.columns, .i32, name) }
    func gathered(_ order: Tensor?) throws -> Tensor {
      let result = try make([rows, columns], .f32)
      // As many rows as a grid may have at a time.
      for first in stride(from: 0, to: rows, by: 65535) {
        let part = first..<min(first + 65535, rows)
        try launch(
          source, "gptq_gather", grid: Extent((columns + 255) / 256, part.count), block: 256,
          weight.rows(part), weight.stride, weight.dtype.code, order, dead, result.rows(part),
          Int32(columns), output.faults)
      }
      return result
    }

    let w: Tensor
    let scales: Tensor
    if plan.isFound {
      let original = try gathered(nil)
      let found = try round(original, to: grid, rule: rule, limits: nil)
      scales = try convert(found.scales, to: .f32)
      if let zeros = output.zeros, let from = found.zeros { try copy(from, into: zeros) }
      w = order == nil ? original : try gathered(order)
    } else {
      scales = grid.scaleType == .f32 ? output.scales : try make([rows, output.groups], .f32)
      w = try gathered(order)
    }
    let groupOfPlace = try plan.groups.map { try upload($0, .i32, name) }
    let slots = try plan.slots.map { try upload($0, .i32, name) }
    let errors = try make([rows, Self.blockWidth], .f32)
    let parameter = KernelBytes(GridParameter(grid, rule))

    var start = 0
    while start < columns {
      if !plan.isFound && width > Self.blockWidth && start % width == 0 {
        try findGroup(start / width, w, width, grid, rule, plan, scales, output.zeros)
      }
      let end = plan.end(from: start)
      try launch(
        source, "gptq_block", grid: Extent((rows + Self.blockRows - 1) / Self.blockRows),
        block: Extent(Self.blockRows),
        shared: (Self.blockWidth * Self.blockWidth + Self.blockWidth * (Self.blockRows + 1)) * 4, w,
        Int32(columns), Int32(rows), Int32(start), Int32(end - start),
        factor.upper.rows(start..<columns).columns(start..<columns), factor.upper.stride, parameter,
        Int32(width), groupOfPlace, slots, scales, output.zeros, Int32(output.groups), output.codes,
        errors, output.faults)
      if end < columns {
        try multiply(
          errors.columns(0..<end - start).factor,
          factor.upper.rows(start..<end).columns(end..<columns).factor,
          into: w.columns(end..<columns), alpha: -1, beta: 1, name)
      }
      start = end
    }

    if scales.storage !== output.scales.storage {
      try convert(scales, into: output.scales, name)
    }
    return try output.matrix(
      places: try factor.order?.places.map { try upload($0, .i32, name) },
      groupIndex: try plan.groupIndex.map { try upload($0, .i32, name) }, name, self)
  }

  /// The grid of a group wider than a block, from the weights as they are when the walk reaches it.
  private func findGroup(
    _ number: Int, _ w: Tensor, _ width: Int, _ grid: Grid, _ rule: ScaleRule, _ plan: WalkPlan,
    _ scales: Tensor, _ zeros: Tensor?
  ) throws {
    var whole = grid
    whole.group = nil
    let found = try round(
      w.columns(number * width..<(number + 1) * width), to: whole, rule: rule, limits: nil)
    let slot = plan.slots.map { Int($0[number]) } ?? number
    let place = slot..<slot + 1
    try convert(found.scales, into: scales.columns(place), "gptq")
    if let zeros, let from = found.zeros { try copy(from, into: zeros.columns(place)) }
  }
}

extension KernelSource {
  static let gptq = KernelSource(
    "gptq", PackageResources.grid_cuh + PackageResources.gptq_cu, defines: ["STEP=16"])
  /// For groups that 16 does not divide.
  static let gptqByColumns = KernelSource(
    "gptq", PackageResources.grid_cuh + PackageResources.gptq_cu, defines: ["STEP=1"])
}

/// Where columns and groups stand on GPTQ's walk through a matrix.
private struct WalkPlan {
  let width: Int
  let columns: Int
  /// Whether all scales are found before the walk begins.
  let isFound: Bool
  /// The group of the column at each place, where scales are found outside the walk.
  var groups: [Int32]?
  /// Where the group found n-th on the way is stored.
  var slots: [Int32]?
  /// The group of each column, where the result must say it.
  var groupIndex: [Int32]?

  init(_ order: ColumnOrder?, width: Int, columns: Int, _ operation: String) throws {
    (self.width, self.columns) = (width, columns)
    isFound = width == columns || order?.grouping == .fixed
    var places: [Int32] = []
    if let order {
      guard order.columns.count == columns, let found = order.places else {
        throw ShapeMismatch(
          operation: operation, expected: "an order of \(columns) columns",
          found: "\(order.columns.count) numbers that are none")
      }
      places = found
    }
    if isFound {
      groups = (0..<columns).map { place in
        (order?.columns[place] ?? Int32(place)) / Int32(width)
      }
      return
    }
    if let order {
      switch order.grouping {
      case .fixed: break
      case .kept:
        let slots = stride(from: 0, to: columns, by: width).map {
          order.columns[$0] / Int32(width)
        }
        for place in 0..<columns where order.columns[place] / Int32(width) != slots[place / width] {
          throw ShapeMismatch(
            operation: operation, expected: "an order that keeps groups of \(width) together",
            found: "column \(order.columns[place]) at place \(place)")
        }
        self.slots = slots
      case .formed: groupIndex = places.map { $0 / Int32(width) }
      }
    }
    // Groups wider than a block are found between blocks.
    if width > 128 {
      groups = (0..<columns).map { slots?[$0 / width] ?? Int32($0 / width) }
    }
  }

  /// The end of the block that begins at `start`: blocks hold whole groups, or groups whole blocks.
  func end(from start: Int) -> Int {
    if isFound { return min(start + 128, columns) }
    if width > 128 { return min(start + 128, (start / width + 1) * width) }
    return min(start + 128 / width * width, columns)
  }
}

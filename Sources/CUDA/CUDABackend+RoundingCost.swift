import Tensor

extension KernelSource {
  static let roundingDifference = KernelSource(
    "rounding_difference", PackageResources.grid_cuh + PackageResources.rounding_difference_cu)
  static let clippingLimits = KernelSource(
    "clipping_limits", PackageResources.grid_cuh + PackageResources.clipping_limits_cu)
}

extension CUDABackend {
  public func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double {
    let name = "scaledRoundingCost"
    let (rows, columns) = (weight.rows, weight.columns)
    try check(weight, name, "weight", rows: rows, columns: columns)
    try check(hessian, name, "hessian", rows: columns, columns: columns, .f32)
    try check(scale, name, "scale")
    try check(scale, name, "scale", .f32)
    try check(grid, columns, name)
    try require(
      scale.count == columns && scale.isContiguous, name, expected: "scale [\(columns)]",
      found: scale.summary)
    let fault = try make([1], .i32)
    try fill(fault, with: 0)
    let d = try difference(weight, scale: scale, grid, rule, clip: nil, limits: nil, fault, name)
    let product = try make([rows, columns], .f32)
    // Ten bits after the point are plenty to weigh errors with: the sum is over millions of them.
    try multiply(d.factor, hessian.factor, into: product, arithmetic: .tensor32, name)
    let cost = try dots([(d, product)], name)[0]
    guard cost.isFinite, try download(fault, as: Int32.self, name) == [0] else {
      throw NotFinite(operation: name, what: "weight")
    }
    return cost
  }

  public func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor)
    throws -> Tensor
  {
    let name = "clippingLimits"
    let (rows, columns) = (weight.rows, weight.columns)
    try check(weight, name, "weight", rows: rows, columns: columns)
    try check(hessian, name, "hessian", rows: columns, columns: columns, .f32)
    try check(grid, columns, name)
    let width = grid.width(columns: columns)
    let groups = columns / width
    let limits = try make([rows, groups], .f32)
    let fault = try make([1], .i32)
    try fill(fault, with: 0)
    let (step, steps) = (Float(0.05), 10)
    if width <= 128 {
      try launch(
        .clippingLimits, "clipping_limits", grid: Extent((rows + 63) / 64, groups), block: 64,
        shared: (128 * 128 + 128 * 64) * 4, weight, weight.stride, weight.dtype.code,
        KernelBytes(GridParameter(grid, rule)), Int32(rows), Int32(width), hessian, hessian.stride,
        step,
        Int32(steps), limits, fault)
    } else {
      let least = try make([rows, groups], .f32)
      let tried = try make([rows, groups], .f32)
      let product = try make([rows, width], .f32)
      for number in 0..<steps {
        let d = try difference(
          weight, scale: nil, grid, rule, clip: 1 - Float(number) * step, limits: tried, fault,
          name)
        for group in 0..<groups {
          let range = group * width..<(group + 1) * width
          try multiply(
            d.columns(range).factor, hessian.rows(range).columns(range).factor, into: product, name)
          try launch(
            .roundingDifference, "keep_better", grid: Extent(rows), block: 128, d.columns(range),
            d.stride, product, product.stride, Int32(width), tried, least, limits, Int32(groups),
            Int32(group), Int32(number == 0 ? 1 : 0))
        }
      }
    }
    guard try download(fault, as: Int32.self, name) == [0] else {
      throw NotFinite(operation: name, what: "weight")
    }
    return limits
  }

  private func check(_ grid: Grid, _ columns: Int, _ operation: String) throws {
    let width = grid.width(columns: columns)
    try require(
      width > 0 && columns % width == 0, operation,
      expected: "a group that divides \(columns) columns", found: "\(width)")
  }

  /// round(W·S)·S⁻¹ − W, f32 `[rows, columns]`, each group clamped first to the part `clip` of its largest magnitude, which
  /// goes into `limits [rows, groups]`.
  private func difference(
    _ weight: Tensor, scale: Tensor?, _ grid: Grid, _ rule: ScaleRule, clip: Float?,
    limits: Tensor?, _ fault: Tensor, _ operation: String
  ) throws -> Tensor {
    let (rows, columns) = (weight.rows, weight.columns)
    let width = grid.width(columns: columns)
    let result = try make([rows, columns], .f32)
    try launch(
      .roundingDifference, "rounding_difference",
      grid: Extent(rows, (columns / width + 3) / 4), block: 128, weight, weight.stride,
      weight.dtype.code, scale, KernelBytes(GridParameter(grid, rule)), Int32(columns),
      Int32(width),
      clip ?? -1, limits, result, fault)
    return result
  }
}

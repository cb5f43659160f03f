extension RehearsalBackend {
  public func gram(_ x: Tensor, alpha: Float, into hessian: Tensor, precision: Precision) throws {
    note(.gram(n: x.rows, width: x.columns, x.dtype, precision))
    if x.dtype != operand(precision) { scratch(x.count * operand(precision).size) }
  }

  public func dequantize(_ matrix: PackedMatrix) throws -> Tensor {
    note(.dequantize(WeightForm(matrix)))
    return counted([matrix.rows, matrix.columns], .f32)
  }

  public func round(_ weight: Tensor, to grid: Grid, rule: ScaleRule, limits: Tensor?) throws
    -> PackedMatrix
  {
    note(.round(WeightForm(weight), grid, rule, isLimited: limits != nil))
    if !isCPU { scratch(weight.count) }
    return packed(weight.rows, weight.columns, grid)
  }

  public func requantize(_ matrix: PackedMatrix, adding delta: Tensor) throws -> PackedMatrix {
    note(.requantize(WeightForm(matrix)))
    return matrix.replacing(codes: counted(matrix.codes.shape, .u8))
  }

  /// A difference of a hundredth of the weights, so that shares of it are numbers.
  public func roundingError(_ matrix: PackedMatrix, of weight: Tensor, hessian: Tensor?) throws
    -> RoundingError
  {
    note(.roundingError(WeightForm(matrix), of: weight.dtype, weighs: hessian != nil))
    if !isCPU { scratch((hessian == nil ? 4 : 8) * weight.count) }
    return RoundingError(
      difference: 0.01, weight: 1, differenceProxy: hessian.map { _ in 0.01 },
      weightProxy: hessian.map { _ in 1 })
  }

  public func inverseFactor(
    _ hessian: Tensor, order: ColumnOrder?, damping: Float, into room: Tensor?
  ) throws -> InverseFactor {
    let n = hessian.columns
    note(.inverseFactor(width: n))
    if !isCPU { scratch(8 * n * n) }
    return InverseFactor(
      upper: room ?? counted([n, n], .f32), damping: damping, dead: [], order: order)
  }

  /// One square for both on a processor, as its backend has it.
  public func hessianSpace(_ width: Int) throws -> HessianSpace {
    guard isCPU else {
      return HessianSpace(hessian: counted([width, width], .f32), factor: nil)
    }
    let memory = counted([width, width + 1], .f32)
    return HessianSpace(
      hessian: memory.columns(0..<width), factor: memory.columns(1..<width + 1))
  }

  public func gptq(_ weight: Tensor, factor: InverseFactor, to grid: Grid, rule: ScaleRule) throws
    -> PackedMatrix
  {
    note(.gptq(WeightForm(weight), grid, rule, factor.order?.grouping))
    if !isCPU { scratch(4 * weight.count) }
    return packed(weight.rows, weight.columns, grid, order: factor.order)
  }

  public func scaled(_ matrix: Tensor, rows: Tensor?, columns: Tensor?) throws -> Tensor {
    note(.scaled(WeightForm(matrix), rows: rows != nil, columns: columns != nil))
    return counted([matrix.rows, matrix.columns], .f32)
  }

  public func addMagnitudes(_ x: Tensor, into sums: Tensor) throws {
    note(.addMagnitudes(n: x.rows, width: x.columns, x.dtype))
  }

  public func relativeMagnitudes(_ weight: Tensor, group: Int?) throws -> Tensor {
    note(.relativeMagnitudes(WeightForm(weight), group: group))
    return counted([weight.columns], .f32)
  }

  public func scaledRoundingCost(
    _ weight: Tensor, scale: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor
  ) throws -> Double {
    note(.scaledRoundingCost(WeightForm(weight), grid, rule))
    if !isCPU { scratch(8 * weight.count) }
    return 1
  }

  public func clippingLimits(_ weight: Tensor, to grid: Grid, rule: ScaleRule, hessian: Tensor)
    throws -> Tensor
  {
    note(.clippingLimits(WeightForm(weight), grid, rule))
    return counted([weight.rows, grid.groups(columns: weight.columns)], .f32)
  }
}

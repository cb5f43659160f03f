import Tensor

extension CUDABackend {
  public func product(
    _ a: Tensor, transposed transposeA: Bool, _ b: Tensor, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Tensor?
  ) throws -> Tensor {
    let name = "product"
    try check(a, name, "a", rows: nil, columns: nil, .f32)
    try check(b, name, "b", rows: nil, columns: nil, .f32)
    let (left, right) = (
      ProductFactor(tensor: a, isTransposed: transposeA),
      ProductFactor(tensor: b, isTransposed: transposeB)
    )
    try require(
      left.columns == right.rows, name, expected: "inner lengths that agree",
      found:
        "[\(left.rows), \(left.columns)] · [\(right.rows), \(right.columns)]")
    let result = try c ?? make([left.rows, right.columns], .f32)
    copies.forget(result)
    try check(result, name, "c", rows: left.rows, columns: right.columns, .f32)
    try multiply(left, right, into: result, alpha: alpha, beta: c == nil ? 0 : beta, name)
    return result
  }

  /// Strips of rows from the diagonal on: little more than half of the whole product. The lower triangle is then the
  /// upper one's mirror image.
  ///
  /// bf16 activations are exact factors; sums are f32.
  public func gram(_ x: Tensor, alpha: Float, into hessian: Tensor, precision: Precision) throws {
    let name = "gram"
    let width = x.columns
    try check(x, name, "x", rows: nil, columns: nil)
    try check(hessian, name, "hessian", rows: width, columns: width, .f32)
    let type: DType = x.dtype == .bf16 || precision == .bf16 ? .bf16 : .f32
    let input = try factor(x, type, name)
    let side = max(512, (width / 8 + 127) / 128 * 128)
    for start in stride(from: 0, to: width, by: side) {
      let rows = start..<min(start + side, width)
      let columns = start..<width
      try multiply(
        input.columns(rows).transposed, input.columns(columns).factor,
        into: hessian.rows(rows).columns(columns), alpha: alpha, beta: 1, name)
    }
    let tiles = (width + 31) / 32
    try launch(
      .measure, "mirror", grid: Extent(tiles, tiles), block: Extent(32, 8), hessian,
      hessian.stride, Int32(width))
  }
}

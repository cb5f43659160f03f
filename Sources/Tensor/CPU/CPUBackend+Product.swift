import CPUKernels
import Runtime

extension CPUBackend {
  /// A matrix product on all threads, cut into tiles of the result.
  func multiply(
    m: Int, n: Int, k: Int, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    stride: Int, alpha: Float = 1, beta: Float = 0
  ) {
    let tiles = ProductTiles(rows: m, columns: n, depth: k, threads: threads)
    parallel(tiles.count) { task, workspace in
      let (rows, columns) = tiles[task]
      workspace.multiply(
        m: rows.count, n: columns.count, k: k, a.from(row: rows.lowerBound, column: 0),
        b.from(row: 0, column: columns.lowerBound),
        c + rows.lowerBound * stride + columns.lowerBound, stride: stride, alpha: alpha,
        beta: beta)
    }
  }

  public func product(
    _ a: Tensor, transposed transposeA: Bool, _ b: Tensor, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Tensor?
  ) throws -> Tensor {
    let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
    let (inner, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
    try require(
      inner == k && a.shape.count == 2 && b.shape.count == 2, "product",
      expected: "inner lengths that agree", found: "[\(m), \(k)] · [\(inner), \(n)]")
    let result = try c ?? make([m, n], .f32)
    try require(result, "product", "c", rows: m, columns: n)
    multiply(
      m: m, n: n, k: k,
      Factor(try a.floats("product"), .f32, stride: a.rowStride, transposed: transposeA),
      Factor(try b.floats("product"), .f32, stride: b.rowStride, transposed: transposeB),
      try result.floats("product"), stride: result.rowStride, alpha: alpha,
      beta: c == nil ? 0 : beta)
    return result
  }

  public func gram(_ x: Tensor, alpha: Float, into hessian: Tensor, precision: Precision) throws {
    let width = x.columns
    try require(x, "gram", "x", rows: nil, columns: nil)
    try require(hessian, "gram", "hessian", rows: width, columns: width)
    let output = try hessian.floats("gram")
    let stride = hessian.rowStride
    let input = try factor(x, factorType(precision), "gram")
    // Square tiles on and above the diagonal; each also writes its mirror image.
    let side = width >= 512 * threads ? 256 : 128
    let count = (width + side - 1) / side
    let places = (0..<count).flatMap { row in (row..<count).map { (row, $0) } }
    let kernels = kernels
    parallel(places.count) { task, workspace in
      if Interrupt.isPending { return }
      let (row, column) = (places[task].0 * side, places[task].1 * side)
      let (height, length) = (min(side, width - row), min(side, width - column))
      let tile = workspace.floats(0, side * side)
      workspace.multiply(
        m: height, n: length, k: x.rows, input.factor.transpose.from(row: row, column: 0),
        input.factor.from(row: 0, column: column), tile, stride: length)
      for i in 0..<height {
        // On the diagonal only the upper triangle counts; the lower one is its mirror image.
        let start = row == column ? i : 0
        let target = output + (row + i) * stride + column
        kernels.addScaled(tile + i * length + start, alpha, target + start, length - start)
        for j in start..<length { output[(column + j) * stride + row + i] = target[j] }
      }
    }
    try Interrupt.check()
  }

  /// An activation as a factor `[n, width]`: itself, or a bf16 copy.
  func factor(_ x: Tensor, _ type: DType, _ operation: String) throws -> (
    tensor: Tensor, factor: Factor
  ) {
    if type == .f32 || x.dtype == type {
      let address =
        type == .f32
        ? UnsafeRawPointer(try x.floats(operation)) : UnsafeRawPointer(try x.bytes(operation))
      return (x, Factor(address, type, stride: x.rowStride))
    }
    let copy = try convert(x, to: type)
    return (copy, Factor(try copy.bytes(operation), type, stride: x.columns))
  }
}

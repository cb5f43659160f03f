import Tensor

extension KernelSource {
  static let inverseFactor = KernelSource("inverse_factor", PackageResources.inverse_factor_cu)
}

extension CUDABackend {
  /// With J the reversal, the Cholesky factor L of J·H·J and its inverse M give U = J·M·J. Both come out of one recursion
  /// over halves, all of it matrix products in f32 but for the blocks on the diagonal:
  /// L₂₁ = H₂₁·M₁₁ᵀ, H₂₂ −= L₂₁·L₂₁ᵀ, M₂₁ = −M₂₂·(L₂₁·M₁₁).
  public func inverseFactor(
    _ hessian: Tensor, order: ColumnOrder?, damping: Float, into room: Tensor?
  ) throws -> InverseFactor {
    let name = "inverseFactor"
    let n = hessian.columns
    try check(hessian, name, "hessian", rows: n, columns: n, .f32)
    let columns = try order.map { order in
      guard order.columns.count == n, order.places != nil else {
        throw ShapeMismatch(
          operation: name, expected: "an order of \(n) columns",
          found: "\(order.columns.count) numbers that are none")
      }
      return try upload(order.columns, .i32, name)
    }

    let diagonal = try read(
      Tensor(
        hessian.storage, shape: [n, 1], dtype: .f32, offset: hessian.offset,
        rowStride: hessian.stride + 1))
    var dead: [Int32] = []
    var sum = 0.0
    for (index, value) in diagonal.enumerated() {
      guard value.isFinite else { throw NotFinite(operation: name, what: "Hessian") }
      if value <= 0 { dead.append(Int32(index)) }
      sum += value <= 0 ? 1 : Double(value)
    }
    let mean = Float(sum / Double(max(n, 1)))

    let matrix = try make([n, n], .f32)
    let inverse = try make([n, n], .f32)
    let fault = try make([1], .i32)
    let grid = Extent((n + 255) / 256, n)
    var part = max(damping, 0)
    while true {
      try fill(inverse, with: 0)
      try fill(fault, with: 0)
      try launch(
        .inverseFactor, "factor_gather", grid: grid, block: 256, hessian, hessian.stride, columns,
        part * mean, matrix, Int32(n))
      try factor(0..<n, matrix, inverse, fault)
      if try download(fault, as: Int32.self, name) == [0] { break }
      guard part < 16 else { throw NotPositiveDefinite(damping: part) }
      part = part > 0 ? 2 * part : 1e-4
    }
    // The matrix is spent, and makes room for the result.
    try launch(
      .inverseFactor, "factor_reverse", grid: grid, block: 256, inverse, matrix, Int32(n))
    return InverseFactor(upper: matrix, damping: part, dead: dead, order: order)
  }

  /// The inverse factor of the square `range` on the diagonal of `matrix`, whose lower triangle is spent on it.
  private func factor(
    _ range: Range<Int>, _ matrix: Tensor, _ inverse: Tensor, _ fault: Tensor
  ) throws {
    let (name, block) = ("inverseFactor", 128)
    func square(_ tensor: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
      tensor.rows(rows).columns(columns)
    }
    if range.count <= block {
      try launch(
        .inverseFactor, "factor_block", grid: 1, block: 256, square(matrix, range, range),
        square(inverse, range, range), matrix.stride, Int32(range.count), fault)
      return
    }
    let blocks = (range.count + block - 1) / block
    let middle = range.lowerBound + (blocks + 1) / 2 * block
    let (first, second) = (range.lowerBound..<middle, middle..<range.upperBound)
    let below = square(matrix, second, first)
    let corner = square(inverse, second, first)
    try factor(first, matrix, inverse, fault)
    let left = square(inverse, first, first)
    try multiply(below.factor, left.transposed, into: corner, name)
    try multiply(
      corner.factor, corner.transposed, into: square(matrix, second, second), alpha: -1, beta: 1,
      name)
    try factor(second, matrix, inverse, fault)
    try multiply(corner.factor, left.factor, into: below, name)
    try multiply(
      square(inverse, second, second).factor, below.factor, into: corner, alpha: -1, name)
  }
}

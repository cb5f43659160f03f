import CPUKernels

/// A factor of a matrix product as it lies in memory: `rows × columns` after transposition.
struct Factor {
  var address: UnsafeRawPointer
  /// f32 or bf16.
  var type: DType
  /// Elements from one stored row to the next.
  var stride: Int
  /// Whether the factor is the transpose of what is stored.
  var transposed: Bool

  init(_ address: UnsafeRawPointer, _ type: DType, stride: Int, transposed: Bool = false) {
    self.address = address
    self.type = type
    self.stride = stride
    self.transposed = transposed
  }

  /// The part that starts at `row` and `column` (after transposition).
  func from(row: Int, column: Int) -> Factor {
    var part = self
    part.address += (transposed ? column * stride + row : row * stride + column) * type.size
    return part
  }

  var transpose: Factor {
    var other = self
    other.transposed.toggle()
    return other
  }
}

/// Single-threaded matrix products, for use inside tasks.
struct ProductEngine: Sendable {
  let blas: OpenBLAS

  /// `c ← alpha · a · b + beta · c`: a `[m, k]`, b `[k, n]`, c f32 `[m, n]` with `stride` elements between rows.
  func multiply(
    m: Int, n: Int, k: Int, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    stride: Int, alpha: Float = 1, beta: Float = 0
  ) {
    guard m > 0, n > 0 else { return }
    blas.sgemm(
      101, a.transposed ? 112 : 111, b.transposed ? 112 : 111, Int32(m), Int32(n), Int32(k), alpha,
      a.address.assumingMemoryBound(to: Float.self), Int32(max(a.stride, 1)),
      b.address.assumingMemoryBound(to: Float.self), Int32(max(b.stride, 1)), beta, c,
      Int32(max(stride, 1)))
  }
}

extension CPUBackend {
  func engine() throws -> ProductEngine { ProductEngine(blas: try OpenBLAS.shared()) }

  /// A matrix product on all threads, cut into tiles of the result.
  func multiply(
    m: Int, n: Int, k: Int, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    stride: Int, alpha: Float = 1, beta: Float = 0
  ) throws {
    let engine = try engine()
    // A tile worth handing out takes a few microseconds at least.
    let most = max(1, m * n * k / 400_000)
    let tasks = min(pool.count * (pool.count == 1 ? 1 : 2), most)
    func part(_ total: Int, _ task: Int) -> Int { min(total, (total * task / tasks + 15) & ~15) }
    parallel(tasks) { task, _ in
      if m >= n {
        let (start, end) = (part(m, task), task + 1 == tasks ? m : part(m, task + 1))
        engine.multiply(
          m: end - start, n: n, k: k, a.from(row: start, column: 0), b, c + start * stride,
          stride: stride, alpha: alpha, beta: beta)
      } else {
        let (start, end) = (part(n, task), task + 1 == tasks ? n : part(n, task + 1))
        engine.multiply(
          m: m, n: end - start, k: k, a, b.from(row: 0, column: start), c + start, stride: stride,
          alpha: alpha, beta: beta)
      }
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
    try multiply(
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
    let input = try x.floats("gram")
    let output = try hessian.floats("gram")
    try multiply(
      m: width, n: width, k: x.rows, Factor(input, .f32, stride: x.rowStride, transposed: true),
      Factor(input, .f32, stride: x.rowStride), output, stride: hessian.rowStride, alpha: alpha,
      beta: 1)
  }
}

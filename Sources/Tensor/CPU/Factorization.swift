import CPUKernels
import Runtime

/// Factorizations of large f32 matrices `[n, n]` in row-major order, on all threads: LAPACK takes the blocks on the
/// diagonal, everything else is matrix products. Only the lower triangle counts; what stands above it is overwritten.
///
/// *Paper:* Golub and Van Loan, "Matrix computations" (4th ed.), 4.2.5 and 3.1.
///
/// - Guarantee: the same bytes on any number of threads.
struct Factorization {
  /// Columns that are factored at a time.
  static let block = 256

  let backend: CPUBackend
  let a: UnsafeMutablePointer<Float>
  let n: Int

  /// The Cholesky factor in place: `a = l·lᵀ`.
  ///
  /// - Returns: Whether `a` is positive definite; else it is left half done.
  func cholesky() throws -> Bool {
    guard n > 2 * Self.block else {
      return try LAPACK.cholesky(a, order: n, leading: n, .lower) == nil
    }
    let negative = try backend.make([n, Self.block], .f32)
    let copy = try negative.floats("cholesky")
    var start = 0
    while start < n {
      try Interrupt.check()
      let width = min(Self.block, n - start)
      let corner = a + start * n + start
      guard try LAPACK.cholesky(corner, order: width, leading: n, .lower) == nil else {
        return false
      }
      let below = start + width
      solve(corner, rows: below..<n, column: start, width: width, negated: copy)
      update(rows: below..<n, column: start, width: width, negated: copy)
      start = below
    }
    withExtendedLifetime(negative) {}
    return true
  }

  /// `p ← p·l⁻ᵀ` for the panel p under a factored block, and a copy of −p.
  private func solve(
    _ l: UnsafePointer<Float>, rows: Range<Int>, column: Int, width: Int,
    negated: UnsafeMutablePointer<Float>
  ) {
    let parts = rows.parts(of: 64)
    backend.parallel(parts.count) { task, workspace in
      let part = parts[task]
      let panel = a + part.lowerBound * n + column
      LAPACK.solve(
        workspace.library.blas, l, ldt: n, .lower, transposed: true, left: false, panel, ldb: n,
        rows: part.count, columns: width)
      for row in part {
        workspace.kernels.scale(a + row * n + column, -1, negated + row * Self.block, width)
      }
    }
  }

  /// `a ← a − p·pᵀ` behind the panel, in tiles on and below the diagonal.
  private func update(
    rows: Range<Int>, column: Int, width: Int, negated: UnsafePointer<Float>
  ) {
    let tiles = rows.parts(of: Self.block)
    let places = tiles.indices.flatMap { i in (0...i).map { (i, $0) } }
    backend.parallel(places.count) { task, workspace in
      let (down, across) = (tiles[places[task].0], tiles[places[task].1])
      workspace.multiply(
        m: down.count, n: across.count, k: width,
        Factor(negated + down.lowerBound * Self.block, .f32, stride: Self.block),
        Factor(a + across.lowerBound * n + column, .f32, stride: n, transposed: true),
        a + down.lowerBound * n + across.lowerBound, stride: n, beta: 1)
    }
  }

  /// The inverse of a lower triangular matrix in place.
  ///
  /// With x the inverse, a block row of it is `x_i = l_ii⁻¹ · (1 − Σ_{k<i} l_ik · x_k)`.
  ///
  /// - Returns: Whether the diagonal has no zero.
  func invertTriangular() throws -> Bool {
    guard n > 2 * Self.block else {
      return try LAPACK.invertTriangular(a, order: n, leading: n, .lower) == nil
    }
    let sums = try backend.make([Self.block, n], .f32)
    let diagonal = try backend.make([Self.block, Self.block], .f32)
    let (total, inverse) = (
      try sums.floats("invertTriangular"), try diagonal.floats("invertTriangular")
    )
    var start = 0
    while start < n {
      try Interrupt.check()
      let width = min(Self.block, n - start)
      let corner = a + start * n + start
      guard try LAPACK.invertTriangular(corner, order: width, leading: n, .lower) == nil else {
        return false
      }
      // x_ii and −x_ii with zeros above their diagonals.
      for i in 0..<width {
        for j in i + 1..<max(width, i + 1) { corner[i * n + j] = 0 }
        for j in 0..<width { inverse[i * Self.block + j] = -corner[i * n + j] }
      }
      let parts = (0..<start).parts(of: 128)
      let row = a + start * n
      backend.parallel(parts.count) { task, workspace in
        let part = parts[task]
        // x_k is zero in front of its diagonal.
        let first = part.lowerBound / Self.block * Self.block
        workspace.multiply(
          m: width, n: part.count, k: start - first, Factor(row + first, .f32, stride: n),
          Factor(a + first * n + part.lowerBound, .f32, stride: n), total + part.lowerBound,
          stride: n)
      }
      backend.parallel(parts.count) { task, workspace in
        let part = parts[task]
        workspace.multiply(
          m: width, n: part.count, k: width, Factor(inverse, .f32, stride: Self.block),
          Factor(total + part.lowerBound, .f32, stride: n), row + part.lowerBound, stride: n)
      }
      start += width
    }
    withExtendedLifetime((sums, diagonal)) {}
    return true
  }
}

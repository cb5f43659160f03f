import CPUKernels
import Runtime

/// Factorizations of large symmetric and triangular f32 matrices `[n, n]` in row-major order, on all threads: LAPACK takes
/// the blocks on the diagonal, everything else is matrix products.
///
/// Only the upper triangle counts; what stands below the diagonal is neither read nor written, so that another matrix may
/// lie there. Blocks are taken from the last to the first, as the factor is an upper one on the left.
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
  /// From one row to the next.
  let stride: Int

  /// The blocks of rows and columns; the first may be a small one.
  private var blocks: [Range<Int>] {
    // Small matrices are LAPACK's alone.
    let width = n <= 2 * Self.block ? max(n, 1) : Self.block
    return Swift.stride(from: n, to: 0, by: -width).map { max($0 - width, 0)..<$0 }.reversed()
  }

  private func corner(_ rows: Int, _ columns: Int) -> UnsafeMutablePointer<Float> {
    a + rows * stride + columns
  }

  /// The Cholesky factor in place: `a = r·rᵀ`, r upper triangular.
  ///
  /// - Returns: Whether `a` is positive definite; else it is left half done.
  func cholesky() throws -> Bool {
    let blocks = blocks
    let side = blocks.last?.count ?? 0
    let scratch = try backend.make([side, side], .f32)
    let negative = try backend.make([max(n - side, 0), side], .f32)
    let (square, copy) = (try scratch.floats("cholesky"), try negative.floats("cholesky"))
    for block in blocks.reversed() {
      try Interrupt.check()
      guard try factor(block, square) else { return false }
      solve(block, negated: copy, step: side)
      update(above: block, negated: copy, step: side)
    }
    withExtendedLifetime((scratch, negative)) {}
    return true
  }

  /// The factor of a block on the diagonal. With both indices reversed it is LAPACK's lower one.
  private func factor(_ block: Range<Int>, _ square: UnsafeMutablePointer<Float>) throws -> Bool {
    let (w, first) = (block.count, corner(block.lowerBound, block.lowerBound))
    for i in 0..<w {
      for j in 0...i { square[i * w + j] = first[(w - 1 - i) * stride + (w - 1 - j)] }
    }
    guard try LAPACK.cholesky(square, order: w, .lower) == nil else { return false }
    for i in 0..<w {
      for j in 0...i { first[(w - 1 - i) * stride + (w - 1 - j)] = square[i * w + j] }
    }
    return true
  }

  /// `p ← p·r⁻ᵀ` for the panel p above a factored block r, and a copy of −p.
  private func solve(
    _ block: Range<Int>, negated: UnsafeMutablePointer<Float>, step: Int
  ) {
    let parts = (0..<block.lowerBound).parts(of: 64)
    let r = corner(block.lowerBound, block.lowerBound)
    backend.parallel(parts.count) { task, workspace in
      let part = parts[task]
      LAPACK.solve(
        workspace.library.blas, r, ldt: stride, .upper, transposed: true, left: false,
        corner(part.lowerBound, block.lowerBound), ldb: stride, rows: part.count,
        columns: block.count)
      for row in part {
        workspace.kernels.scale(
          corner(row, block.lowerBound), -1, negated + row * step, block.count)
      }
    }
  }

  /// `a ← a − p·pᵀ` in front of the panel, in tiles on and above the diagonal.
  private func update(
    above block: Range<Int>, negated: UnsafePointer<Float>, step: Int
  ) {
    let tiles = (0..<block.lowerBound).parts(of: Self.block)
    let places = tiles.indices.flatMap { i in (i..<tiles.count).map { (i, $0) } }
    let (a, stride) = (a, stride)
    backend.parallel(places.count) { task, workspace in
      let (down, across) = (tiles[places[task].0], tiles[places[task].1])
      let isDiagonal = down == across
      let target = a + down.lowerBound * stride + across.lowerBound
      let tile = isDiagonal ? workspace.floats(0, down.count * across.count) : target
      workspace.multiply(
        m: down.count, n: across.count, k: block.count,
        Factor(negated + down.lowerBound * step, .f32, stride: step),
        Factor(
          a + across.lowerBound * stride + block.lowerBound, .f32, stride: stride,
          transposed: true),
        tile, stride: isDiagonal ? across.count : stride, beta: isDiagonal ? 0 : 1)
      guard isDiagonal else { return }
      for i in 0..<down.count {
        let row = target + i * stride + i
        workspace.kernels.add(row, tile + i * across.count + i, row, across.count - i)
      }
    }
  }

  /// The inverse of an upper triangular matrix in place.
  ///
  /// With x the inverse, a block row of it is `x_i = r_ii⁻¹ · (1 − Σ_{k>i} r_ik · x_k)`.
  ///
  /// - Returns: Whether the diagonal has no zero.
  func invertTriangular() throws -> Bool {
    let blocks = blocks
    let side = blocks.last?.count ?? 0
    // A block row's sums; and the inverted blocks on the diagonal with zeros below theirs, each behind the other.
    let sums = try backend.make([side, n], .f32)
    let diagonals = try backend.make([n, side], .f32)
    let (total, squares) = (
      try sums.floats("invertTriangular"), try diagonals.floats("invertTriangular")
    )
    for (index, block) in blocks.enumerated().reversed() {
      try Interrupt.check()
      let (width, first) = (block.count, block.lowerBound)
      let own = corner(first, first)
      guard try LAPACK.invertTriangular(own, order: width, leading: stride, .upper) == nil else {
        return false
      }
      let square = squares + first * side
      for i in 0..<width {
        for j in 0..<width { square[i * side + j] = j < i ? 0 : own[i * stride + j] }
      }
      // Columns of the blocks behind.
      let parts = blocks[(index + 1)...].flatMap { later in
        later.parts(of: 128).map { (later, $0) }
      }
      let row = corner(first, 0)
      backend.parallel(parts.count) { task, workspace in
        let (later, part) = parts[task]
        let target = total + part.lowerBound
        // x_k is zero from its diagonal on down.
        let before = later.lowerBound - block.upperBound
        workspace.multiply(
          m: width, n: part.count, k: later.count,
          Factor(row + later.lowerBound, .f32, stride: stride),
          Factor(
            squares + later.lowerBound * side + (part.lowerBound - later.lowerBound), .f32,
            stride: side), target, stride: n)
        if before > 0 {
          workspace.multiply(
            m: width, n: part.count, k: before,
            Factor(row + block.upperBound, .f32, stride: stride),
            Factor(a + block.upperBound * stride + part.lowerBound, .f32, stride: stride), target,
            stride: n, beta: 1)
        }
      }
      backend.parallel(parts.count) { task, workspace in
        let part = parts[task].1
        let target = row + part.lowerBound
        workspace.multiply(
          m: width, n: part.count, k: width, Factor(square, .f32, stride: side),
          Factor(total + part.lowerBound, .f32, stride: n), target, stride: stride)
        for i in 0..<width {
          workspace.kernels.scale(target + i * stride, -1, target + i * stride, part.count)
        }
      }
    }
    withExtendedLifetime((sums, diagonals)) {}
    return true
  }
}

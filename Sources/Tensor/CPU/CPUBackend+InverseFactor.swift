extension CPUBackend {
  public func hessianSpace(_ width: Int) throws -> HessianSpace {
    let memory = try make([width, width + 1], .f32)
    // Row i: the Hessian up to its diagonal in front, the factor from its diagonal on behind it.
    return HessianSpace(
      hessian: memory.columns(0..<width), factor: memory.columns(1..<width + 1))
  }

  /// The Cholesky factor R of H = R·Rᵀ, upper triangular, gives H⁻¹ = Uᵀ·U with U = R⁻¹: one factorization and one
  /// triangular inverse, and H⁻¹ itself is never formed.
  public func inverseFactor(
    _ hessian: Tensor, order: ColumnOrder?, damping: Float, into room: Tensor?
  ) throws -> InverseFactor {
    let name = "inverseFactor"
    let n = hessian.columns
    try require(hessian, name, "hessian", rows: n, columns: n)
    let source = try hessian.floats(name)
    let stride = hessian.rowStride
    let columns = try order.map { order in
      guard order.columns.count == n, order.places != nil else {
        throw ShapeMismatch(
          operation: name, expected: "an order of \(n) columns",
          found: "\(order.columns.count) numbers that are none")
      }
      return order.columns
    }

    var dead: [Int32] = []
    var sum = 0.0
    for i in 0..<n {
      let value = source[i * stride + i]
      guard value.isFinite else { throw NotFinite(operation: name, what: "Hessian") }
      if value <= 0 { dead.append(Int32(i)) }
      sum += value <= 0 ? 1 : Double(value)
    }
    let mean = Float(sum / Double(max(n, 1)))

    let upper = try room ?? make([n, n], .f32)
    try require(upper, name, "room", rows: n, columns: n)
    let target = try upper.floats(name)
    let step = upper.rowStride
    let factorization = Factorization(backend: self, a: target, n: n, stride: step)
    var part = max(damping, 0)
    while true {
      let added = part * mean
      // From what stands on and below the Hessian's diagonal, above which the factor may lie.
      let tiles = (0..<n).parts(of: 64)
      parallel(tiles.count * tiles.count) { task, _ in
        let (down, across) = (tiles[task / tiles.count], tiles[task % tiles.count])
        for i in down where across.upperBound > i {
          let a = columns.map { Int($0[i]) } ?? i
          for j in max(i, across.lowerBound)..<across.upperBound {
            let b = columns.map { Int($0[j]) } ?? j
            target[i * step + j] = source[max(a, b) * stride + min(a, b)]
          }
        }
      }
      for i in 0..<n {
        let diagonal = target[i * step + i]
        target[i * step + i] = (diagonal <= 0 ? 1 : diagonal) + added
      }
      if try factorization.cholesky() { break }
      guard part < 16 else { throw NotPositiveDefinite(damping: part) }
      part = part > 0 ? 2 * part : 1e-4
    }
    if try !factorization.invertTriangular() {
      throw NotPositiveDefinite(damping: part)
    }
    if room == nil {
      parallelRows(n, width: n) { rows, _ in
        for i in rows { (target + i * step).update(repeating: 0, count: i) }
      }
    }
    return InverseFactor(upper: upper, damping: part, dead: dead, order: order)
  }
}

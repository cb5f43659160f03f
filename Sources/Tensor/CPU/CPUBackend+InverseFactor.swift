extension CPUBackend {
  /// With J the reversal, the Cholesky factor L of J·H·J = L·Lᵀ gives H = R·Rᵀ with R = J·L·J upper triangular, and so
  /// H⁻¹ = Uᵀ·U with U = R⁻¹ = J·L⁻¹·J: one factorization and one triangular inverse, and H⁻¹ itself is never formed.
  public func inverseFactor(_ hessian: Tensor, order: ColumnOrder?, damping: Float) throws
    -> InverseFactor
  {
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

    let upper = try make([n, n], .f32)
    let target = try upper.floats(name)
    let factorization = Factorization(backend: self, a: target, n: n)
    var part = max(damping, 0)
    while true {
      let added = part * mean
      parallelRows(n, width: n) { rows, _ in
        for i in rows {
          // Row i of the reversed, ordered matrix, up to the diagonal.
          let from = columns.map { Int($0[n - 1 - i]) } ?? n - 1 - i
          let row = source + from * stride
          if let columns {
            for j in 0...i { target[i * n + j] = row[Int(columns[n - 1 - j])] }
          } else {
            for j in 0...i { target[i * n + j] = row[n - 1 - j] }
          }
          let diagonal = row[from]
          target[i * n + i] = (diagonal <= 0 ? 1 : diagonal) + added
        }
      }
      if try factorization.cholesky() { break }
      guard part < 16 else { throw NotPositiveDefinite(damping: part) }
      part = part > 0 ? 2 * part : 1e-4
    }
    if try !factorization.invertTriangular() {
      throw NotPositiveDefinite(damping: part)
    }
    // Reversing both indices reverses the whole buffer.
    let half = (n * n) / 2
    parallelRows(half, width: 1) { range, _ in
      for i in range {
        let other = n * n - 1 - i
        (target[i], target[other]) = (target[other], target[i])
      }
    }
    parallelRows(n, width: n) { rows, _ in
      for i in rows { (target + i * n).update(repeating: 0, count: i) }
    }
    return InverseFactor(upper: upper, damping: part, dead: dead, order: order)
  }
}

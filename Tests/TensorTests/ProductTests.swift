import Testing

@testable import Tensor

@Suite struct ProductTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  @Test(arguments: [(1, 1, 1), (3, 17, 5), (65, 33, 40), (300, 70, 19)])
  func everyTransposition(_ m: Int, _ n: Int, _ k: Int) throws {
    let a = Matrix.random(m, k, seed: 1)
    let b = Matrix.random(k, n, seed: 2)
    let c = Matrix.random(m, n, seed: 3)
    for transposeA in [false, true] {
      for transposeB in [false, true] {
        let x = try backend.view(transposeA ? a.transposed : a)
        let y = try backend.view(transposeB ? b.transposed : b)
        let fresh = try backend.product(
          x, transposed: transposeA, y, transposed: transposeB, alpha: 0.5, beta: 7, into: nil)
        #expect(try backend.matrix(fresh).distance(0.5 * (a * b)) < 1e-5)
        for (alpha, beta) in [(Float(1), Float(0)), (1, 1), (-2, 0.5), (0.25, 0)] {
          let target = try backend.view(c)
          let result = try backend.product(
            x, transposed: transposeA, y, transposed: transposeB, alpha: alpha, beta: beta,
            into: target)
          let expected = Double(alpha) * (a * b) + Double(beta) * c
          #expect(result.id == target.id)
          #expect(try backend.matrix(target).distance(expected) < 2e-5)
        }
      }
    }
  }

  @Test func innerLengthsMustAgree() throws {
    let x = try backend.tensor(Matrix.random(2, 3, seed: 1))
    #expect(throws: ShapeMismatch.self) {
      try backend.product(x, transposed: false, x, transposed: false, alpha: 1, beta: 0, into: nil)
    }
  }

  @Test(arguments: [1, 17, 150, 300])
  func gram(width: Int) throws {
    let x = Matrix.random(41, width, seed: 1)
    let start = Matrix.random(width, width, seed: 2)
    let symmetric = start + start.transposed
    let expected = symmetric + 0.5 * (x.transposed * x)
    for (precision, tolerance) in [(Precision.f32, 1e-5), (.bf16, 0.1)] {
      let hessian = try backend.view(symmetric)
      try backend.gram(try backend.view(x), alpha: 0.5, into: hessian, precision: precision)
      let found = try backend.matrix(hessian)
      #expect(found.distance(expected) < tolerance)
      #expect(found.distance(found.transposed) < 1e-6)
    }
  }

  @Test func choleskyAndItsInverse() throws {
    let order = 37
    let x = Matrix.random(60, order, seed: 1)
    let a = x.transposed * x + Matrix(order, order) { $0 == $1 ? 1 : 0 }
    for triangle in [LAPACK.Triangle.upper, .lower] {
      let tensor = try backend.tensor(a)
      let values = try tensor.floats("test")
      #expect(try LAPACK.cholesky(values, order: order, triangle) == nil)
      let factor = try backend.matrix(tensor)
      let clean = Matrix(order, order) {
        (triangle == .upper ? $0 <= $1 : $0 >= $1) ? factor[$0, $1] : 0
      }
      let product = triangle == .upper ? clean.transposed * clean : clean * clean.transposed
      #expect(product.distance(a) < 1e-4)
      #expect(try LAPACK.inverse(fromCholesky: values, order: order, triangle) == nil)
      let half = try backend.matrix(tensor)
      let inverse = Matrix(order, order) { i, j in
        (triangle == .upper ? i <= j : i >= j) ? half[i, j] : half[j, i]
      }
      #expect((inverse * a).distance(Matrix(order, order) { $0 == $1 ? 1 : 0 }) < 1e-3)
      // t⁻¹ · t = 1
      let t = try backend.tensor(clean)
      let b = try backend.tensor(clean)
      LAPACK.solve(
        try OpenBLAS.shared(), try t.floats("test"), ldt: order, triangle, transposed: false,
        left: true,
        try b.floats("test"), ldb: order, rows: order, columns: order)
      #expect(
        try backend.matrix(b).distance(Matrix(order, order) { $0 == $1 ? 1 : 0 }) < 1e-4)
    }
    let indefinite = try backend.tensor(Matrix(3, 3) { $0 == $1 ? ($0 == 1 ? -1 : 1) : 0 })
    #expect(try LAPACK.cholesky(try indefinite.floats("test"), order: 3, .lower) == 2)
  }

  /// Large enough for blocks, the last one not full.
  @Test func factorizationsInBlocks() throws {
    let n = 3 * Factorization.block + 37
    let x = Matrix.random(n + 50, n, seed: 2)
    let a = x.transposed * x + Matrix(n, n) { $0 == $1 ? 10 : 0 }
    var bytes: [[Float]] = []
    for threads in [1, 3] {
      let backend = try CPUBackend(threads: threads)
      // Another matrix lies below the diagonal, and stays.
      let tensor = try backend.make([n, n + 1], .f32)
      try backend.fill(tensor, with: 7)
      let view = tensor.columns(1..<n + 1)
      for row in 0..<n {
        try backend.copy(
          backend.tensor(a).rows(row..<row + 1).columns(row..<n),
          into: view.rows(row..<row + 1).columns(row..<n))
      }
      let factorization = Factorization(
        backend: backend, a: try view.floats("test"), n: n, stride: n + 1)
      #expect(try factorization.cholesky())
      func upper() throws -> Matrix {
        let values = try backend.matrix(view)
        return Matrix(n, n) { $0 <= $1 ? values[$0, $1] : 0 }
      }
      let r = try upper()
      let scale = a.values.reduce(0) { max($0, abs($1)) }
      #expect((r * r.transposed).distance(a) < 1e-5 * scale)
      #expect(try factorization.invertTriangular())
      let inverse = try upper()
      #expect((inverse * r).distance(Matrix(n, n) { $0 == $1 ? 1 : 0 }) < 1e-4)
      let rest = try backend.matrix(tensor)
      #expect((0..<n).allSatisfy { row in (0...row).allSatisfy { rest[row, $0] == 7 } })
      bytes.append(inverse.values.map { Float($0) })
    }
    #expect(bytes[0] == bytes[1])
    let indefinite = try backend.tensor(
      Matrix(n, n) { $0 == $1 ? ($0 == n - 2 ? -1 : 1) : 0 })
    let factorization = Factorization(
      backend: backend, a: try indefinite.floats("test"), n: n, stride: n)
    #expect(try !factorization.cholesky())
  }
}

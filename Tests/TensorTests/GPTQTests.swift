import Runtime
import Tensor
import Testing

/// GPTQ as the optimal-brain-surgeon recursion reads: each column is taken out of the inverse Hessian in turn and all
/// later weights are corrected at once, in double precision.
struct TextbookGPTQ {
  var grid: Grid
  var order: ColumnOrder?
  /// Row k: the inverse Hessian's row of the column at place k, columns before it taken out, from the diagonal on.
  private let inverses: [[Double]]

  /// - Parameters:
  ///   - inverse: The inverse of the damped Hessian.
  init(grid: Grid, inverse: Matrix, order: ColumnOrder?) {
    self.grid = grid
    self.order = order
    let n = inverse.rows
    let columns = order?.columns.map { Int($0) } ?? Array(0..<n)
    var rest = (0..<n).map { i in (0..<n).map { inverse[columns[i], columns[$0]] } }
    inverses = (0..<n).map { step in
      let row = rest[step]
      for i in step + 1..<max(n, step + 1) {
        let factor = row[i] / row[step]
        for j in step..<n { rest[i][j] -= factor * row[j] }
      }
      return Array(row[step...])
    }
  }

  static func inverse(_ m: Matrix) -> Matrix {
    let n = m.rows
    var a = m
    var b = Matrix(n, n) { $0 == $1 ? 1 : 0 }
    for k in 0..<n {
      let pivot = a[k, k]
      for j in 0..<n {
        a[k, j] /= pivot
        b[k, j] /= pivot
      }
      for i in 0..<n where i != k {
        let factor = a[i, k]
        for j in 0..<n {
          a[i, j] -= factor * a[k, j]
          b[i, j] -= factor * b[k, j]
        }
      }
    }
    return b
  }

  /// The rounded rows.
  func run(_ w: Matrix) -> Matrix {
    let n = w.columns
    let width = grid.width(columns: n)
    let order = self.order?.columns.map { Int($0) } ?? Array(0..<n)
    let fixed = self.order?.grouping == .fixed || width == n
    let rounding = ScalarRounding(grid: grid)
    var result = w
    var current = w
    for i in 0..<w.rows {
      var parameters: (scale: Float, zero: Float) = (1, 0)
      for (place, column) in order.enumerated() {
        if fixed {
          let start = column / width * width
          parameters = rounding.parameters((start..<start + width).map { Float(w[i, $0]) })
        } else if place % width == 0 {
          parameters = rounding.parameters(
            (place..<place + width).map { Float(current[i, order[$0]]) })
        }
        let code = rounding.code(Float(current[i, column]), parameters)
        let value = Double((code - parameters.zero) * parameters.scale)
        result[i, column] = value
        let error = (current[i, column] - value) / inverses[place][0]
        for later in place + 1..<max(n, place + 1) {
          current[i, order[later]] -= error * inverses[place][later - place]
        }
      }
    }
    return result
  }
}

@Suite struct GPTQTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  /// A Hessian of correlated inputs of very different sizes.
  static func hessian(_ n: Int, samples: Int, seed: UInt64 = 71) -> Matrix {
    let x = Matrix.random(samples, n, seed: seed)
    let mixed = Matrix(samples, n) { i, j in
      (x[i, j] + 0.8 * x[i, (j + 1) % n] + 0.5 * x[i, (j * 7) % n]) * (j % 5 == 0 ? 3 : 1)
    }
    return (2 / Double(samples)) * (mixed.transposed * mixed)
  }

  static func damped(_ h: Matrix, _ part: Double) -> Matrix {
    let mean = (0..<h.rows).reduce(0.0) { $0 + h[$1, $1] } / Double(h.rows)
    return Matrix(h.rows, h.rows) { h[$0, $1] + ($0 == $1 ? part * mean : 0) }
  }

  static func orders(_ n: Int, group: Int) -> [ColumnOrder?] {
    let shuffled = RandomStream(seed: 4, purpose: "order").permutation(n).map { Int32($0) }
    let groups = RandomStream(seed: 5, purpose: "order").permutation(n / group)
    let kept = groups.flatMap { block in
      RandomStream(seed: UInt64(block), purpose: "inner").permutation(group).map {
        Int32(block * group + $0)
      }
    }
    return [
      nil, ColumnOrder(columns: shuffled, grouping: .fixed),
      ColumnOrder(columns: kept, grouping: .kept),
      ColumnOrder(columns: shuffled, grouping: .formed),
    ]
  }

  @Test func inverseFactor() throws {
    let n = 40
    let h = Self.hessian(n, samples: 120)
    for order in Self.orders(n, group: 8) {
      let factor = try backend.inverseFactor(
        try backend.tensor(h), order: order, damping: 0.01, into: nil)
      #expect(factor.damping == 0.01 && factor.dead.isEmpty && factor.order == order)
      let u = try backend.matrix(factor.upper)
      for i in 0..<n {
        for j in 0..<i { #expect(u[i, j] == 0) }
        #expect(u[i, i] > 0)
      }
      let columns = order?.columns.map { Int($0) } ?? Array(0..<n)
      let damped = Self.damped(h, 0.01)
      let ordered = Matrix(n, n) { damped[columns[$0], columns[$1]] }
      let identity = u.transposed * u * ordered
      #expect(identity.distance(Matrix(n, n) { $0 == $1 ? 1 : 0 }) < 1e-3)
    }
  }

  /// In one square with its Hessian the factor is the same, and the Hessian still says what rounding costs.
  @Test(arguments: [40, 600])
  func aFactorBesideItsHessian(n: Int) throws {
    let h = Self.hessian(n, samples: 3 * n)
    let full = try backend.tensor(h)
    for order in Self.orders(n, group: 8) {
      let space = try backend.hessianSpace(n)
      try backend.copy(full, into: space.hessian)
      let alone = try backend.inverseFactor(full, order: order, damping: 0.01, into: nil)
      let beside = try backend.inverseFactor(
        space.hessian, order: order, damping: 0.01, into: space.factor)
      let (u, v) = (try backend.matrix(alone.upper), try backend.matrix(beside.upper))
      let upper = Matrix(n, n) { $0 <= $1 ? v[$0, $1] : 0 }
      #expect(upper.distance(u) < 1e-5 * u.values.reduce(0) { max($0, abs($1)) })
      let weight = try backend.tensor(Matrix.random(20, n, seed: 4))
      let grid = Grid(bits: 4, group: 8, symmetric: false)
      let rounded = try backend.gptq(weight, factor: beside, to: grid, rule: .minmax)
      #expect(
        try backend.roundingError(rounded, of: weight, hessian: space.hessian)
          == backend.roundingError(rounded, of: weight, hessian: full))
    }
  }

  @Test func deadColumnsAndDamping() throws {
    let n = 32
    var h = Self.hessian(n, samples: 120)
    for k in 0..<n {
      for dead in [3, 17] { (h[dead, k], h[k, dead]) = (0, 0) }
    }
    let factor = try backend.inverseFactor(
      try backend.tensor(h), order: nil, damping: 0.01, into: nil)
    #expect(factor.dead == [3, 17])
    let grid = Grid(bits: 4, group: 16, symmetric: true)
    let packed = try backend.gptq(
      try backend.tensor(Matrix.random(20, n, seed: 9)), factor: factor, to: grid, rule: .minmax)
    let q = try backend.matrix(try backend.dequantize(packed))
    for i in 0..<20 { #expect(q[i, 3] == 0 && q[i, 17] == 0 && q[i, 4] != q[i, 3]) }

    // A matrix that no Hessian is: the damping must rise to make up for its negative eigenvalue.
    let indefinite = Matrix(2, 2, [1, 1.3, 1.3, 1])
    let raised = try backend.inverseFactor(
      try backend.tensor(indefinite), order: nil, damping: 0.01, into: nil)
    #expect(raised.damping > 0.3 && raised.damping < 0.7)
    #expect(throws: NotPositiveDefinite.self) {
      try backend.inverseFactor(
        try backend.tensor(Matrix(2, 2, [1, 1e6, 1e6, 1])), order: nil, damping: 0.01, into: nil)
    }
    #expect(throws: NotFinite(operation: "inverseFactor", what: "Hessian")) {
      try backend.inverseFactor(
        try backend.tensor(Matrix(2, 2, [1, 0, 0, .nan])), order: nil, damping: 0.01, into: nil)
    }
  }

  /// 18 rows fill more than one strip, and the columns more than one block.
  @Test(arguments: [(3, 16), (4, 48), (4, Int?.none), (2, 34)] as [(Int, Int?)])
  func equalsTheTextbook(bits: Int, group: Int?) throws {
    let n = group == nil ? 140 : group == 34 ? 136 : 144
    let w = Matrix.random(18, n, seed: 81, range: 0.1)
    let h = Self.hessian(n, samples: 2 * n)
    let inverse = TextbookGPTQ.inverse(Self.damped(h, 0.01))
    for symmetric in [true, false] {
      let grid = Grid(bits: bits, group: group, symmetric: symmetric)
      for order in Self.orders(n, group: group ?? n) {
        let factor = try backend.inverseFactor(
          try backend.tensor(h), order: order, damping: 0.01, into: nil)
        let packed = try backend.gptq(
          try backend.tensor(w), factor: factor, to: grid, rule: .minmax)
        #expect((packed.groupIndex != nil) == (order?.grouping == .formed && group != nil))
        let found = try backend.matrix(try backend.dequantize(packed))
        let expected = TextbookGPTQ(grid: grid, inverse: inverse, order: order).run(w)
        // A tie may fall either way, and then the rest of its row differs: but rows hardly ever have one.
        let step = 0.2 / Double(grid.maximum)
        let differing = (0..<w.rows).filter { i in
          (0..<n).contains { abs(found[i, $0] - expected[i, $0]) > 0.02 * step }
        }
        #expect(differing.count <= 2, "\(order?.grouping as Any): rows \(differing)")
      }
    }
  }

  @Test func withoutCorrelationItRoundsToNearest() throws {
    let n = 160
    let identity = Matrix(n, n) { $0 == $1 ? 2 : 0 }
    let w = try backend.tensor(Matrix.random(33, n, seed: 91))
    for rule in ScaleRule.allCases {
      for group in [16, 32, nil] as [Int?] {
        let grid = Grid(bits: 3, group: group, symmetric: false)
        let factor = try backend.inverseFactor(
          try backend.tensor(identity), order: nil, damping: 0.01, into: nil)
        let gptq = try backend.gptq(w, factor: factor, to: grid, rule: rule)
        let rtn = try backend.round(w, to: grid, rule: rule, limits: nil)
        #expect(gptq.allBytes == rtn.allBytes)
      }
    }
  }

  @Test func sameBytesOnAnyNumberOfThreads() throws {
    let n = 160
    let (w, h) = (Matrix.random(200, n, seed: 95), Self.hessian(n, samples: 300))
    let grid = Grid(bits: 4, group: 32, symmetric: false)
    let results = try [1, 2, 5].map { threads in
      let backend = try CPUBackend(threads: threads)
      let factor = try backend.inverseFactor(
        try backend.tensor(h), order: nil, damping: 0.01, into: nil)
      return try backend.gptq(try backend.tensor(w), factor: factor, to: grid, rule: .minmax)
        .allBytes
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func refusesOrdersThatAreNone() throws {
    let h = try backend.tensor(Self.hessian(8, samples: 30))
    for columns in [[0, 1, 2], [0, 1, 2, 3, 4, 5, 6, 6], [0, 1, 2, 3, 4, 5, 6, 8]] as [[Int32]] {
      #expect(throws: ShapeMismatch.self) {
        try backend.inverseFactor(
          h, order: ColumnOrder(columns: columns, grouping: .fixed), damping: 0.01, into: nil)
      }
    }
  }
}

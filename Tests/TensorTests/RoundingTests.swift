import Runtime
import Tensor
import Testing

/// Round-to-nearest as its definition reads, one weight after the other.
struct ScalarRounding {
  var grid: Grid
  var rule: ScaleRule = .minmax

  func parameters(_ group: [Float]) -> (scale: Float, zero: Float) {
    var low = min(group.min() ?? 0, 0)
    var high = max(group.max() ?? 0, 0)
    if grid.symmetric {
      high = max(-low, high)
      low = -high
    }
    if low == 0 && high == 0 { (low, high) = (-1, 1) }
    func candidate(_ part: Float) -> (scale: Float, zero: Float) {
      var scale = (high * part - low * part) / Float(grid.maximum)
      if grid.scaleType == .f16 { scale = max(Float(Float16(scale)), 0x1p-24) }
      let zero =
        grid.symmetric
        ? Float(grid.midpoint)
        : min(max((0 - low * part / scale).rounded(.toNearestOrEven), 0), Float(grid.maximum))
      return (scale, zero)
    }
    guard rule == .mse else { return candidate(1) }
    var best = candidate(1)
    var least = Double.infinity
    for step in 0...80 {
      let trial = candidate(1 - Float(step) * 0.01)
      let error = group.reduce(0.0) {
        let value = (code($1, trial) - trial.zero) * trial.scale
        return $0 + Double(value - $1) * Double(value - $1)
      }
      // The engine sums in f32: a trial must be better by more than its rounding.
      if error < least * (1 - 1e-6) { (least, best) = (error, trial) }
    }
    return best
  }

  func code(_ w: Float, _ parameters: (scale: Float, zero: Float)) -> Float {
    min(
      max((w / parameters.scale + parameters.zero).rounded(.toNearestOrEven), 0),
      Float(grid.maximum))
  }

  /// The codes of a row and the weights that they stand for.
  func row(_ row: [Float]) -> (codes: [Int], values: [Float]) {
    let width = grid.width(columns: row.count)
    var codes: [Int] = []
    var values: [Float] = []
    for start in stride(from: 0, to: row.count, by: width) {
      let group = Array(row[start..<start + width])
      let found = parameters(group)
      for w in group {
        let code = code(w, found)
        codes.append(Int(code))
        values.append((code - found.zero) * found.scale)
      }
    }
    return (codes, values)
  }
}

extension PackedMatrix {
  /// Code (i, j), read from the bit stream bit by bit.
  func code(_ row: Int, _ column: Int) -> Int {
    let bytes = codes.host!.assumingMemoryBound(to: UInt8.self)
    let start = row * PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)
    var value = 0
    for bit in 0..<grid.bits {
      let position = column * grid.bits + bit
      value |= Int(bytes[start + position / 8] >> UInt8(position % 8) & 1) << bit
    }
    return value
  }

  /// Every byte that it holds.
  var allBytes: [UInt8] {
    var result: [UInt8] = []
    for tensor in [codes, scales] + (zeros.map { [$0] } ?? []) + (groupIndex.map { [$0] } ?? []) {
      result += UnsafeRawBufferPointer(start: tensor.host, count: tensor.byteCount)
    }
    return result
  }
}

@Suite struct RoundingTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  static let grids: [Grid] = [2, 3, 4, 8].flatMap { bits in
    [16, 48, nil].flatMap { group in
      [true, false].flatMap { symmetric in
        [DType.f32, .f16].map {
          Grid(bits: bits, group: group, symmetric: symmetric, scaleType: $0)
        }
      }
    }
  }

  /// A weight with a group of zeros, a group without negative weights and one without positive ones.
  static func weight(rows: Int, columns: Int) -> Matrix {
    var w = Matrix.random(rows, columns, seed: 11, range: 0.05)
    for j in 0..<min(columns, 48) {
      w[0, j] = 0
      w[1, j] = abs(w[1, j])
      w[2, j] = -abs(w[2, j])
    }
    return w
  }

  @Test(arguments: grids)
  func equalsTheDefinition(grid: Grid) throws {
    let w = Self.weight(rows: 21, columns: 144)
    let packed = try backend.round(try backend.tensor(w), to: grid, rule: .minmax, limits: nil)
    #expect(packed.groupIndex == nil && (packed.zeros == nil) == grid.symmetric)
    let values = try backend.matrix(try backend.dequantize(packed))
    for i in 0..<w.rows {
      let expected = ScalarRounding(grid: grid).row((0..<w.columns).map { Float(w[i, $0]) })
      #expect((0..<w.columns).map { packed.code(i, $0) } == expected.codes)
      #expect((0..<w.columns).map { Float(values[i, $0]) } == expected.values)
    }
  }

  @Test(arguments: [DType.f16, .bf16])
  func readsHalfWeights(type: DType) throws {
    let grid = Grid(bits: 4, group: 16, symmetric: false)
    let half = try backend.convert(
      try backend.tensor(Self.weight(rows: 19, columns: 64)), to: type)
    let packed = try backend.round(half, to: grid, rule: .minmax, limits: nil)
    let same = try backend.round(
      try backend.convert(half, to: .f32), to: grid, rule: .minmax, limits: nil)
    #expect(packed.allBytes == same.allBytes)
  }

  @Test(arguments: [true, false])
  func leastSquaresSearch(symmetric: Bool) throws {
    let grid = Grid(bits: 3, group: 32, symmetric: symmetric)
    // Uniform weights gain nothing from a smaller range; cubes of them have tails that do.
    let w = Matrix(18, 96, Matrix.random(18, 96, seed: 5).values.map { $0 * $0 * $0 })
    let tensor = try backend.tensor(w)
    let searched = try backend.matrix(
      try backend.dequantize(try backend.round(tensor, to: grid, rule: .mse, limits: nil)))
    let plain = try backend.matrix(
      try backend.dequantize(try backend.round(tensor, to: grid, rule: .minmax, limits: nil)))
    func error(_ a: Matrix, _ i: Int, _ range: Range<Int>) -> Double {
      range.reduce(0) { $0 + (a[i, $1] - w[i, $1]) * (a[i, $1] - w[i, $1]) }
    }
    var improved = 0
    for i in 0..<w.rows {
      let row = (0..<w.columns).map { Float(w[i, $0]) }
      let expected = ScalarRounding(grid: grid, rule: .mse).row(row).values
      for start in stride(from: 0, to: w.columns, by: 32) {
        let range = start..<start + 32
        let found = error(searched, i, range)
        let reference = range.reduce(0.0) {
          $0 + (Double(expected[$1]) - w[i, $1]) * (Double(expected[$1]) - w[i, $1])
        }
        #expect(abs(found - reference) <= 1e-4 * reference)
        #expect(found <= error(plain, i, range) * (1 + 1e-6))
        if found < error(plain, i, range) * 0.9 { improved += 1 }
      }
    }
    #expect(improved > 10)
  }

  @Test func clampsToLimits() throws {
    let grid = Grid(bits: 4, group: 32, symmetric: true)
    let w = Matrix.random(20, 64, seed: 8)
    let limits = Matrix(20, 2) { 0.3 + 0.01 * Double($0 + $1) }
    let packed = try backend.round(
      try backend.tensor(w), to: grid, rule: .minmax, limits: try backend.tensor(limits))
    let clamped = Matrix(20, 64) { i, j in
      let limit = Double(Float(limits[i, j / 32]))
      return min(max(w[i, j], -limit), limit)
    }
    let expected = try backend.round(
      try backend.tensor(clamped), to: grid, rule: .minmax, limits: nil)
    #expect(packed.allBytes == expected.allBytes)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func findsWhatIsNotFinite(value: Float) throws {
    let grid = Grid(bits: 4, group: 16, symmetric: false)
    var w = Matrix.random(40, 32, seed: 3)
    w[37, 5] = Double(value)
    let tensor = try backend.tensor(w)
    #expect(throws: NotFinite(operation: "round", what: "weight")) {
      try backend.round(tensor, to: grid, rule: .minmax, limits: nil)
    }
    w[37, 5] = 1e30
    let wide = try backend.tensor(w)
    var half = grid
    half.scaleType = .f16
    #expect(throws: NotFinite(operation: "round", what: "scales")) {
      try backend.round(wide, to: half, rule: .minmax, limits: nil)
    }
  }

  @Test func refusesGridsThatDoNotFit() throws {
    let tensor = try backend.tensor(Matrix.random(4, 40, seed: 1))
    for grid in [
      Grid(bits: 5, group: nil, symmetric: true), Grid(bits: 4, group: 16, symmetric: true),
      Grid(bits: 4, group: 0, symmetric: true),
      Grid(bits: 4, group: nil, symmetric: true, scaleType: .bf16),
    ] {
      #expect(throws: ShapeMismatch.self) {
        try backend.round(tensor, to: grid, rule: .minmax, limits: nil)
      }
    }
  }

  @Test func errors() throws {
    let grid = Grid(bits: 3, group: 16, symmetric: false)
    let w = Matrix.random(37, 80, seed: 21)
    let x = Matrix.random(200, 80, seed: 22)
    let h = x.transposed * x
    let tensor = try backend.tensor(w)
    let packed = try backend.round(tensor, to: grid, rule: .minmax, limits: nil)
    let found = try backend.roundingError(packed, of: tensor, hessian: try backend.tensor(h))
    let d = try backend.matrix(try backend.dequantize(packed)) + -1 * w
    func squares(_ m: Matrix) -> Double { m.values.reduce(0) { $0 + $1 * $1 } }
    func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-4 * abs(b) }
    #expect(close(found.difference, squares(d)) && close(found.weight, squares(w)))
    #expect(close(found.differenceProxy ?? 0, squares(x * d.transposed)))
    #expect(close(found.weightProxy ?? 0, squares(x * w.transposed)))
    #expect(try backend.roundingError(packed, of: tensor, hessian: nil).proxy == nil)
  }

  @Test func scaledRoundingCosts() throws {
    let grid = Grid(bits: 3, group: 16, symmetric: false)
    let w = Matrix.random(37, 80, seed: 31)
    let x = Matrix.random(200, 80, seed: 32)
    let s = Matrix(1, 80, Matrix.random(1, 80, seed: 33).values.map { 1.5 + $0 })
    let scale = try backend.tensor(s).reshaped([80])
    let tensor = try backend.tensor(w)
    let scaled = try backend.scaled(tensor, rows: nil, columns: scale)
    let rounded = try backend.matrix(
      try backend.dequantize(try backend.round(scaled, to: grid, rule: .minmax, limits: nil)))
    let d = Matrix(37, 80) { rounded[$0, $1] / s[0, $1] - w[$0, $1] }
    let expected = (x * d.transposed).values.reduce(0) { $0 + $1 * $1 }
    let found = try backend.scaledRoundingCost(
      tensor, scale: scale, to: grid, rule: .minmax,
      hessian: try backend.tensor(x.transposed * x))
    #expect(abs(found - expected) < 1e-3 * expected)
  }

  @Test func findsClippingLimits() throws {
    let grid = Grid(bits: 2, group: 16, symmetric: false)
    let w = Matrix(21, 48, Matrix.random(21, 48, seed: 41).values.map { $0 * $0 * $0 })
    let x = Matrix.random(100, 48, seed: 42)
    let h = x.transposed * x
    let tensor = try backend.tensor(w)
    let limits = try backend.matrix(
      try backend.clippingLimits(
        tensor, to: grid, rule: .minmax, hessian: try backend.tensor(h)))
    var clipped = 0
    for i in 0..<w.rows {
      for group in 0..<3 {
        let columns = group * 16..<(group + 1) * 16
        let row = columns.map { Float(w[i, $0]) }
        let widest = row.map(abs).max() ?? 0
        func cost(_ limit: Float) -> Double {
          let values = ScalarRounding(grid: grid).row(row.map { min(max($0, -limit), limit) })
            .values
          let d = zip(values, row).map { Double($0 - $1) }
          var sum = 0.0
          for a in 0..<16 {
            for b in 0..<16 {
              sum += d[a] * h[columns.lowerBound + a, columns.lowerBound + b] * d[b]
            }
          }
          return sum
        }
        let best = (0..<10).map { cost(widest * (1 - Float($0) * 0.05)) }.min() ?? 0
        let chosen = Float(limits[i, group])
        #expect(cost(chosen) <= best * (1 + 1e-3))
        #expect(chosen <= widest && chosen >= widest * 0.549)
        if chosen < widest { clipped += 1 }
      }
    }
    #expect(clipped > 20)
  }

  @Test func magnitudes() throws {
    let w = Matrix.random(75, 64, seed: 51)
    let relative = try backend.read(
      try backend.relativeMagnitudes(try backend.tensor(w), group: 32))
    let sums = try backend.tensor(Matrix(1, 64)).reshaped([64])
    try backend.addMagnitudes(try backend.tensor(w), into: sums)
    try backend.addMagnitudes(try backend.view(w), into: sums)
    let plain = try backend.read(sums)
    for j in 0..<64 {
      let group = j / 32 * 32..<(j / 32 + 1) * 32
      let expected = (0..<75).reduce(0.0) { sum, i in
        sum + abs(w[i, j]) / ((group.map { abs(w[i, $0]) }.max() ?? 0) + 1e-6)
      }
      #expect(abs(Double(relative[j]) - expected) < 1e-4 * expected)
      #expect(abs(Double(plain[j]) - 2 * (0..<75).reduce(0.0) { $0 + abs(w[$1, j]) }) < 1e-3)
    }
  }

  @Test func scaling() throws {
    let m = Matrix.random(5, 33, seed: 61)
    let (r, c) = (Matrix.random(1, 5, seed: 62), Matrix.random(1, 33, seed: 63))
    let found = try backend.matrix(
      try backend.scaled(
        try backend.tensor(m), rows: try backend.tensor(r).reshaped([5]),
        columns: try backend.tensor(c).reshaped([33])))
    #expect(found.distance(Matrix(5, 33) { r[0, $0] * m[$0, $1] * c[0, $1] }) < 1e-6)
  }
}

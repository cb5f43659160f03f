import Testing

@testable import Tensor

@Suite struct PackedTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 2) }

  /// A packed matrix of random codes and the weights it stands for, packed bit by bit.
  static func packed(
    _ backend: CPUBackend, rows: Int, columns: Int, bits: Int, group: Int?, symmetric: Bool,
    scaleType: DType, permuted: Bool, seed: UInt64 = 1
  ) throws -> (PackedMatrix, Matrix) {
    let stream = RandomStream(seed: seed, purpose: "codes")
    let grid = Grid(bits: bits, group: group, symmetric: symmetric, scaleType: scaleType)
    let groups = grid.groups(columns: columns)
    let bytesPerRow = PackedMatrix.bytesPerRow(columns: columns, bits: bits)
    let scaleValues = (0..<rows * groups).map { 0.01 + stream.uniform(100_000 + $0) }
    let scales = try backend.convert(
      try backend.tensor(scaleValues, [rows, groups]), to: scaleType)
    let exactScales = try backend.read(scales)
    let zeroValues = (0..<rows * groups).map {
      symmetric ? grid.midpoint : Int(stream[200_000 + $0]) & grid.maximum
    }
    let order = RandomStream(seed: seed, purpose: "order").permutation(columns)
    func groupOf(_ j: Int) -> Int { (permuted ? order[j] : j) / grid.width(columns: columns) }
    var bytes = [UInt8](repeating: 0, count: rows * bytesPerRow)
    let weights = Matrix(rows, columns) { i, j in
      let code = Int(stream[i * columns + j]) & grid.maximum
      for bit in 0..<bits where code >> bit & 1 == 1 {
        let place = j * bits + bit
        bytes[i * bytesPerRow + place / 8] |= 1 << UInt8(place % 8)
      }
      let group = i * groups + groupOf(j)
      return Double(Float(code - zeroValues[group]) * exactScales[group])
    }
    func make<T: BitwiseCopyable>(_ values: [T], _ shape: [Int], _ dtype: DType) throws -> Tensor {
      let tensor = try backend.make(shape, dtype)
      values.withUnsafeBytes { source in
        if let from = source.baseAddress {
          tensor.host?.copyMemory(from: from, byteCount: source.count)
        }
      }
      return tensor
    }
    let matrix = PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: try make(bytes, [rows, bytesPerRow], .u8),
      scales: scales,
      zeros: symmetric
        ? nil : try make(zeroValues.map { UInt8($0) }, [rows, groups], .u8),
      groupIndex: permuted
        ? try make((0..<columns).map { Int32(groupOf($0)) }, [columns], .i32) : nil)
    return (matrix, weights)
  }

  @Test(arguments: [2, 3, 4, 8], [nil, 16, 32, 40])
  func everyWidthStandsForItsWeights(bits: Int, group: Int?) throws {
    for (symmetric, scaleType, permuted) in [
      (true, DType.f16, false), (false, .f32, false), (false, .f16, true),
    ] {
      for columns in [8, 96, 131] {
        let (matrix, weights) = try Self.packed(
          backend, rows: 7, columns: columns, bits: bits, group: group, symmetric: symmetric,
          scaleType: scaleType, permuted: permuted)
        let tensor = try backend.dequantize(matrix)
        #expect(try backend.matrix(tensor).distance(weights) == 0)
      }
    }
  }

  @Test(arguments: [2, 3, 4, 8])
  func linearOnCodes(bits: Int) throws {
    for permuted in [false, true] {
      let (matrix, weights) = try Self.packed(
        backend, rows: 50, columns: 72, bits: bits, group: 24, symmetric: false, scaleType: .f16,
        permuted: permuted)
      let largest = weights.values.reduce(0) { max($0, abs($1)) }
      for tokens in [1, 2, 4, 5, 30] {
        let x = Matrix.random(tokens, 72, seed: 3)
        let exact = x * weights.transposed
        for (precision, tolerance) in [(Precision.f32, 1e-5), (.bf16, 1e-1)] {
          let y = try backend.linear(
            try backend.view(x), .packed(matrix), bias: nil, adapter: nil, precision: precision)
          #expect(try backend.matrix(y.y).distance(exact) < tolerance * largest)
        }
        let dy = Matrix.random(tokens, 50, seed: 4)
        let gradients = try backend.linearBackward(
          try backend.tensor(dy), x: try backend.tensor(x), weight: .packed(matrix), adapter: nil,
          reduced: nil, precision: .f32, needsInput: true)
        let dx = try backend.matrix(try #require(gradients.dx))
        #expect(dx.distance(dy * weights) < 1e-5 * largest)
      }
    }
  }

  @Test func codesThatDoNotFitAreErrors() throws {
    let (matrix, _) = try Self.packed(
      backend, rows: 4, columns: 32, bits: 4, group: 16, symmetric: true, scaleType: .f32,
      permuted: false)
    let short = PackedMatrix(
      rows: 5, columns: 32, grid: matrix.grid, codes: matrix.codes, scales: matrix.scales,
      zeros: nil)
    #expect(throws: ShapeMismatch.self) { try backend.dequantize(short) }
    var grid = matrix.grid
    grid.bits = 5
    let odd = PackedMatrix(
      rows: 4, columns: 32, grid: grid, codes: matrix.codes, scales: matrix.scales, zeros: nil)
    #expect(throws: ShapeMismatch.self) { try backend.dequantize(odd) }
    let index = try backend.make([32], .i32)
    try backend.fill(index, with: 2)
    let far = PackedMatrix(
      rows: 4, columns: 32, grid: matrix.grid, codes: matrix.codes, scales: matrix.scales,
      zeros: nil, groupIndex: index)
    #expect(throws: ShapeMismatch.self) { try backend.dequantize(far) }
  }
}

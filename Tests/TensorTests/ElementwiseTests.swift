import Glibc
import Testing

@testable import Tensor

@Suite struct ElementwiseTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  static func rmsNorm(_ x: Matrix, _ weight: Matrix, epsilon: Double) -> Matrix {
    Matrix(x.rows, x.columns) { i, j in
      let squares = x.rows(i..<i + 1).values.reduce(0) { $0 + $1 * $1 }
      return x[i, j] / (squares / Double(x.columns) + epsilon).squareRoot() * weight[0, j]
    }
  }

  @Test(arguments: [1, 3, 17, 65], [5, 16, 300])
  func rmsNorm(tokens: Int, width: Int) throws {
    let x = Matrix.random(tokens, width, seed: 1)
    let delta = Matrix.random(tokens, width, seed: 2)
    let weight = Matrix.random(1, width, seed: 3)
    let w = try backend.tensor(weight).reshaped([width])
    let plain = try backend.rmsNorm(
      try backend.view(x), adding: nil, weight: w, epsilon: 1e-5, as: .f32)
    #expect(try backend.matrix(plain.y).distance(Self.rmsNorm(x, weight, epsilon: 1e-5)) < 1e-5)
    #expect(try backend.matrix(plain.sum) == x)
    let added = try backend.rmsNorm(
      try backend.tensor(x), adding: try backend.view(delta), weight: w, epsilon: 1e-5, as: .f32)
    let sum = x + delta
    #expect(try backend.matrix(added.sum).distance(sum) < 1e-6)
    #expect(try backend.matrix(added.y).distance(Self.rmsNorm(sum, weight, epsilon: 1e-5)) < 1e-5)
    let half = try backend.convert(w, to: .bf16)
    let rounded = Matrix(1, width, try backend.read(half).map { Double($0) })
    let stored = try backend.rmsNorm(
      try backend.tensor(x), adding: nil, weight: half, epsilon: 1e-5, as: .f32)
    #expect(try backend.matrix(stored.y).distance(Self.rmsNorm(x, rounded, epsilon: 1e-5)) < 1e-5)
  }

  @Test func rmsNormBackward() throws {
    let (tokens, width) = (7, 35)
    let x = Matrix.random(tokens, width, seed: 1)
    let weight = Matrix.random(1, width, seed: 2)
    let dy = Matrix.random(tokens, width, seed: 3)
    let earlier = Matrix.random(tokens, width, seed: 4)
    let w = try backend.tensor(weight).reshaped([width])
    let output = try backend.rmsNorm(
      try backend.view(x), adding: nil, weight: w, epsilon: 1e-5, as: .f32)
    func loss(_ x: Matrix) -> Double { Self.rmsNorm(x, weight, epsilon: 1e-5).dot(dy) }
    let dx = try backend.rmsNormBackward(
      try backend.view(dy), sum: output.sum, weight: w, inverse: output.inverse, adding: nil)
    #expect(slopeError(try backend.matrix(dx), at: x, loss) < 1e-5)
    let both = try backend.rmsNormBackward(
      try backend.tensor(dy), sum: output.sum, weight: w, inverse: output.inverse,
      adding: try backend.view(earlier))
    #expect(try backend.matrix(both).distance(try backend.matrix(dx) + earlier) < 1e-6)
  }

  @Test(arguments: [1, 3, 65], [3, 16, 100])
  func swiGLU(tokens: Int, width: Int) throws {
    let gate = Matrix.random(tokens, width, seed: 1, range: 12)
    let up = Matrix.random(tokens, width, seed: 2)
    let dy = Matrix.random(tokens, width, seed: 3)
    func reference(_ gate: Matrix, _ up: Matrix) -> Matrix {
      Matrix(tokens, width) { gate[$0, $1] / (1 + exp(-gate[$0, $1])) * up[$0, $1] }
    }
    let (g, u) = (try backend.view(gate), try backend.view(up))
    #expect(
      try backend.matrix(try backend.swiGLU(gate: g, up: u, as: .f32)).distance(reference(gate, up))
        < 1e-5)
    let both = try backend.make([tokens, 2 * width + 3], .f32)
    let (dGate, dUp) = (both.columns(1..<1 + width), both.columns(2 + width..<2 + 2 * width))
    try backend.swiGLUBackward(try backend.view(dy), gate: g, up: u, dGate: dGate, dUp: dUp)
    let errorGate = slopeError(try backend.matrix(dGate), at: gate) { reference($0, up).dot(dy) }
    let errorUp = slopeError(try backend.matrix(dUp), at: up) { reference(gate, $0).dot(dy) }
    #expect(errorGate < 1e-5)
    #expect(errorUp < 1e-5)
  }

  /// What is written as bf16 is what converting gives.
  @Test(arguments: [16, 35])
  func operandsAreRounded(width: Int) throws {
    func bits(_ tensor: Tensor) throws -> [Float] {
      try backend.read(try backend.convert(tensor, to: .bf16))
    }
    let (x, u, d) = (
      try backend.view(.random(9, width, seed: 1, range: 9)),
      try backend.view(.random(9, width, seed: 2)), try backend.view(.random(9, width, seed: 3))
    )
    let weight = try backend.tensor(.random(1, width, seed: 4)).reshaped([width])
    let (full, half) = (
      try backend.rmsNorm(x, adding: u, weight: weight, epsilon: 1e-5, as: .f32),
      try backend.rmsNorm(x, adding: u, weight: weight, epsilon: 1e-5, as: .bf16)
    )
    #expect(half.y.dtype == .bf16)
    #expect(try backend.read(half.y) == bits(full.y))
    #expect(try backend.read(half.sum) == backend.read(full.sum))
    let gated = try backend.swiGLU(gate: x, up: u, as: .bf16)
    #expect(try backend.read(gated) == bits(try backend.swiGLU(gate: x, up: u, as: .f32)))
    func gradients(_ type: DType) throws -> Tensor {
      let both = try backend.make([9, 2 * width], type)
      try backend.swiGLUBackward(
        d, gate: x, up: u, dGate: both.columns(0..<width), dUp: both.columns(width..<2 * width))
      return both
    }
    #expect(try backend.read(gradients(.bf16)) == bits(gradients(.f32)))
  }

  @Test func swiGLUAtTheEnds() throws {
    let gate = try backend.tensor([-1000, -100, -88, 0, 88, 100, 1000, 3], [1, 8])
    let up = try backend.tensor([Float](repeating: 2, count: 8), [1, 8])
    let y = try backend.read(try backend.swiGLU(gate: gate, up: up, as: .f32))
    for (value, expected) in zip(y, [0, 0, 0, 0, 176, 200, 2000]) {
      #expect(abs(value - Float(expected)) <= abs(Float(expected)) * 1e-6 + 1e-30)
    }
  }

  @Test func addAndAccumulate() throws {
    for (tokens, width) in [(1, 1), (3, 17), (65, 129), (2, 40_000)] {
      let a = Matrix.random(tokens, width, seed: 1)
      let b = Matrix.random(tokens, width, seed: 2)
      let sum = try backend.add(try backend.tensor(a), try backend.view(b))
      #expect(try backend.matrix(sum).distance(a + b) < 1e-6)
      let target = try backend.view(a)
      try backend.accumulate(try backend.tensor(b), into: target)
      #expect(try backend.matrix(target).distance(a + b) < 1e-6)
      let whole = try backend.tensor(a)
      try backend.accumulate(try backend.tensor(b), into: whole)
      #expect(try backend.matrix(whole).distance(a + b) < 1e-6)
    }
    #expect(throws: ShapeMismatch.self) {
      try backend.add(
        try backend.tensor(Matrix.random(2, 3, seed: 1)),
        try backend.tensor(Matrix.random(3, 2, seed: 1)))
    }
  }

  @Test func embedding() throws {
    let table = Matrix.random(11, 19, seed: 1)
    let ids: [Int32] = [0, 10, 3, 3]
    let expected = Matrix(4, 19) { table[Int(ids[$0]), $1] }
    #expect(
      try backend.matrix(try backend.embedding(try backend.view(table), ids: ids)) == expected)
    for dtype in [DType.bf16, .f16] {
      let stored = try backend.convert(try backend.tensor(table), to: dtype)
      let exact = try backend.matrix(stored)
      #expect(
        try backend.matrix(try backend.embedding(stored, ids: ids))
          == Matrix(4, 19) { exact[Int(ids[$0]), $1] })
    }
    for bad in [Int32(-1), 11] {
      #expect(throws: ShapeMismatch.self) {
        try backend.embedding(try backend.tensor(table), ids: [bad])
      }
    }
  }
}

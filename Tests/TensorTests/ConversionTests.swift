import Testing

@testable import Tensor

@Suite struct ConversionTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 2) }

  /// All 65536 bit patterns, as a tensor of a 16-bit type.
  func allPatterns(_ dtype: DType) throws -> Tensor {
    let tensor = try backend.make([256, 256], dtype)
    let bits = try #require(tensor.host).assumingMemoryBound(to: UInt16.self)
    for i in 0..<65_536 { bits[i] = UInt16(i) }
    return tensor
  }

  @Test func widening() throws {
    let halves = try backend.read(try allPatterns(.f16))
    let brains = try backend.read(try allPatterns(.bf16))
    func same(_ a: Float, _ b: Float) -> Bool { a == b || a.isNaN && b.isNaN }
    let wrong = (0..<65_536).filter {
      !same(halves[$0], Float(Float16(bitPattern: UInt16($0))))
        || !same(brains[$0], Float(bitPattern: UInt32($0) << 16))
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [DType.f16, .bf16])
  func roundTrip(dtype: DType) throws {
    let tensor = try allPatterns(dtype)
    let back = try backend.convert(try backend.convert(tensor, to: .f32), to: dtype)
    let (before, after) = (
      try #require(tensor.host).assumingMemoryBound(to: UInt16.self),
      try #require(back.host).assumingMemoryBound(to: UInt16.self)
    )
    let (values, again) = (try backend.read(tensor), try backend.read(back))
    let wrong = (0..<65_536).filter {
      values[$0].isNaN ? !again[$0].isNaN : before[$0] != after[$0]
    }
    #expect(wrong.isEmpty)
  }

  /// Numbers between representable ones, ties among them, and around the ends of the ranges.
  @Test func narrowing() throws {
    let stream = RandomStream(seed: 1, purpose: "floats")
    var values: [Float] = [
      0, -0.0, 1, 65_504, 65_519.996, 65_520, 70_000, -65_520, 5.96e-8, 2.98e-8, 2.9802322e-8,
      2.98023242e-8, 8.94e-8, 6.1e-5, 6.103515625e-5, 6.0975552e-5, .infinity, -.infinity,
      .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1.00390625, 1.01171875, 0x1.fffp15,
      3.3961775e38,
    ]
    for i in 0..<5_000 {
      let word = stream[i]
      values.append(Float(bitPattern: word))
      // Ties of f16 and bf16: the rounded-off bits are 100…0.
      let exponent = UInt32(100 + word % 50) << 23
      values.append(Float(bitPattern: exponent | (word & 0x7F_E000) | 0x1000))
      values.append(Float(bitPattern: exponent | (word & 0x7F_0000) | 0x8000))
    }
    let tensor = try backend.tensor(values, [values.count])
    let half = try backend.convert(tensor, to: .f16)
    let brain = try backend.convert(tensor, to: .bf16)
    let halfBits = try #require(half.host).assumingMemoryBound(to: UInt16.self)
    let brainBits = try #require(brain.host).assumingMemoryBound(to: UInt16.self)
    let wrongHalf = values.indices.filter { i in
      let half = Float16(bitPattern: halfBits[i])
      return values[i].isNaN
        ? !half.isNaN : halfBits[i] != Float16(values[i]).bitPattern
    }
    let wrongBrain = values.indices.filter { i in
      let bits = values[i].bitPattern
      if values[i].isNaN { return !Float(bitPattern: UInt32(brainBits[i]) << 16).isNaN }
      // The nearest of the two neighbours, the even one in a tie.
      let (down, rest) = (bits & 0xFFFF_0000, bits & 0xFFFF)
      let up = rest > 0x8000 || rest == 0x8000 && down & 0x1_0000 != 0
      return UInt32(brainBits[i]) << 16 != (up ? down &+ 0x1_0000 : down)
    }
    #expect(wrongHalf.map { values[$0] }.isEmpty)
    #expect(wrongBrain.map { values[$0] }.isEmpty)
  }

  @Test func viewsBecomeContiguousAndOthersAreCopies() throws {
    let matrix = Matrix.random(5, 7, seed: 1)
    let view = try backend.view(matrix)
    for dtype in [DType.f32, .bf16, .f16] {
      let result = try backend.convert(view, to: dtype)
      #expect(result.isContiguous && result.shape == [5, 7] && result.id != view.id)
      #expect(try backend.matrix(result).distance(matrix) < 0.01)
    }
    let target = try backend.view(Matrix(5, 7))
    try backend.copy(view, into: target)
    #expect(try backend.matrix(target) == matrix)
    #expect(throws: ShapeMismatch.self) {
      try backend.copy(view, into: try backend.make([7, 5], .f32))
    }
  }

  @Test func integersAreRoundedAndClamped() throws {
    let tensor = try backend.tensor([0.5, 1.5, -2.5, 300, -1, .nan, 1e20, -1e20], [8])
    #expect(
      try backend.read(try backend.convert(tensor, to: .u8)) == [0, 2, 0, 255, 0, 0, 255, 0])
    #expect(
      try backend.read(try backend.convert(tensor, to: .i32))
        == [0, 2, -2, 300, -1, 0, 0x1p31, -0x1p31])
  }

  @Test func fill() throws {
    for dtype in DType.allCases {
      let tensor = try backend.make([6, 9], dtype)
      try backend.fill(tensor, with: 0)
      try backend.fill(tensor.columns(2..<5).rows(1..<3), with: 3)
      let expected = Matrix(6, 9) { (1..<3).contains($0) && (2..<5).contains($1) ? 3 : 0 }
      #expect(try backend.matrix(tensor) == expected)
    }
  }

  @Test func impossibleShapesAreErrors() throws {
    #expect(throws: ShapeMismatch.self) { try backend.make([Int.max, 2], .f32) }
    #expect(throws: ShapeMismatch.self) { try backend.make([-1, 2], .f32) }
    #expect(throws: OutOfMemory.self) { try backend.make([1 << 40, 1 << 10], .f32) }
    #expect(try backend.read(try backend.make([0, 4], .f32)).isEmpty)
  }
}

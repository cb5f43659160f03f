import Glibc
import Testing

@testable import Tensor

@Suite struct CrossEntropyTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  static func nll(_ x: Matrix, _ head: Matrix, _ targets: [Int32]) -> [Double] {
    let logits = x * head.transposed
    return (0..<x.rows).map { i in
      guard targets[i] >= 0 else { return 0 }
      let row = logits.rows(i..<i + 1).values
      let top = row.max() ?? 0
      return top + log(row.reduce(0) { $0 + exp($1 - top) }) - row[Int(targets[i])]
    }
  }

  @Test(arguments: [1, 3, 17, 65])
  func lossAndGradient(tokens: Int) throws {
    let (width, vocabulary) = (24, 83)
    let x = Matrix.random(tokens, width, seed: 1, range: 2)
    let head = Matrix.random(vocabulary, width, seed: 2, range: 2)
    let targets = (0..<tokens).map { Int32($0 % 5 == 3 ? -100 : $0 * 37 % vocabulary) }
    let scale: Float = 0.125
    let small = try CPUBackend(threads: 2, limits: .init(panel: 1000, logits: 4 * 83 * 7))
    let exact = Self.nll(x, head, targets)
    for engine in [backend, small] {
      for precision in [Precision.f32, .bf16] {
        // A bf16 head takes the direct path in bf16 and is converted for f32, and the other way round.
        for dtype in [DType.f32, .bf16] {
          let stored = try engine.convert(try engine.tensor(head), to: dtype)
          let tolerance = precision == .f32 && dtype == .f32 ? 2e-5 : 0.3
          let output = try engine.crossEntropy(
            try engine.view(x), head: .dense(stored), targets: targets, gradient: scale,
            precision: precision)
          for (found, expected) in zip(try engine.read(output.nll), exact) {
            #expect(abs(Double(found) - expected) < tolerance)
          }
          let error = slopeError(try engine.matrix(try #require(output.dx)), at: x) {
            Double(scale) * Self.nll($0, head, targets).reduce(0, +)
          }
          #expect(error < (precision == .f32 && dtype == .f32 ? 1e-5 : 0.05))
          let plain = try engine.crossEntropy(
            try engine.view(x), head: .dense(stored), targets: targets, gradient: nil,
            precision: precision)
          #expect(plain.dx == nil)
          #expect(try engine.read(plain.nll) == engine.read(output.nll))
        }
      }
    }
  }

  @Test func hugeLogitsStayFinite() throws {
    let x = try backend.tensor([1000, -1000], [1, 2])
    let head = try backend.tensor([1, 0, 0, 1, -1, 0], [3, 2])
    let output = try backend.crossEntropy(
      x, head: .dense(head), targets: [1], gradient: 1, precision: .f32)
    #expect(try backend.read(output.nll) == [2000])
    #expect(try backend.read(try #require(output.dx)) == [1, -1])
  }

  @Test func packedHead() throws {
    let (matrix, weights) = try PackedTests.packed(
      backend, rows: 40, columns: 32, bits: 4, group: 16, symmetric: true, scaleType: .f32,
      permuted: false)
    let x = Matrix.random(9, 32, seed: 1, range: 0.2)
    let targets = (0..<9).map { Int32($0) }
    let output = try backend.crossEntropy(
      try backend.tensor(x), head: .packed(matrix), targets: targets, gradient: nil,
      precision: .f32)
    for (found, expected) in zip(
      try backend.read(output.nll), Self.nll(x, weights, targets))
    {
      #expect(abs(Double(found) - expected) < 1e-4)
    }
  }

  @Test func targetsBeyondTheVocabularyAreErrors() throws {
    let x = try backend.tensor(Matrix.random(1, 4, seed: 1))
    let head = Weight.dense(try backend.tensor(Matrix.random(5, 4, seed: 1)))
    #expect(throws: ShapeMismatch.self) {
      try backend.crossEntropy(x, head: head, targets: [5], gradient: nil, precision: .f32)
    }
    #expect(throws: ShapeMismatch.self) {
      try backend.crossEntropy(x, head: head, targets: [1, 2], gradient: nil, precision: .f32)
    }
  }
}

import Testing

@testable import Tensor

/// Weights laid out for products give what they gave.
struct PackedFormTests {
  @Test(arguments: [(64, 32), (100, 37), (1536, 256), (17, 300), (1, 64), (256, 256)])
  func sameProducts(outputs: Int, inputs: Int) throws {
    let backend = try CPUBackend(threads: 2)
    let stream = RandomStream(seed: 3, purpose: "packed form")
    let values = (0..<outputs * inputs).map { stream.uniform($0) - 0.5 }
    for precision in [Precision.f32, .bf16] {
      let type = backend.operand(precision)
      let plain = try backend.convert(Tensor(values, shape: [outputs, inputs]), to: type)
      let packed = backend.packed(plain, bothWays: true)
      // What else reads it finds the same.
      #expect(try backend.read(packed) == backend.read(plain))
      if backend.library.hasOneDNN { #expect(packed.storage is PackedStorage) }
      for rows in [1, 5, 33, 64, 130, 286, 600] {
        let x = Tensor(
          (0..<rows * inputs).map { stream.uniform(1 << 20 + $0) - 0.5 }, shape: [rows, inputs])
        let found = try backend.read(
          backend.linear(x, .dense(packed), bias: nil, adapter: nil, precision: precision).y)
        let expected = try backend.read(
          backend.linear(x, .dense(plain), bias: nil, adapter: nil, precision: precision).y)
        let far = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(found.count == expected.count && far <= 2e-5, "\(rows) rows in \(type)")
        // The way back multiplies with the weight itself.
        let dy = Tensor(
          (0..<rows * outputs).map { stream.uniform(1 << 24 + $0) - 0.5 }, shape: [rows, outputs])
        let back = try [packed, plain].map { weight in
          try backend.read(
            #require(
              backend.linearBackward(
                dy, x: x, weight: .dense(weight), adapter: nil, reduced: nil,
                precision: precision, needsInput: true
              ).dx))
        }
        let apart = zip(back[0], back[1]).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(back[0].count == rows * inputs && apart <= 1e-4, "\(rows) rows back in \(type)")
      }
    }
  }

  /// A part of a packed weight is not the weight.
  @Test func partsAreTakenPlain() throws {
    let backend = try CPUBackend(threads: 1)
    let stream = RandomStream(seed: 4, purpose: "packed part")
    let weight = Tensor((0..<200 * 64).map { stream.uniform($0) - 0.5 }, shape: [200, 64])
    let x = Tensor((0..<40 * 64).map { stream.uniform(1 << 20 + $0) - 0.5 }, shape: [40, 64])
    for rows in [0..<120, 50..<200] {
      let found = try backend.read(
        backend.linear(
          x, .dense(backend.packed(weight, bothWays: true).rows(rows)), bias: nil, adapter: nil,
          precision: .f32
        ).y)
      let expected = try backend.read(
        backend.linear(
          x, .dense(weight.rows(rows)), bias: nil, adapter: nil, precision: .f32
        ).y)
      let far = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(found.count == expected.count && far <= 2e-5)
    }
  }
}

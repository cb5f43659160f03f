import CPUKernels
import CPUKernelsV2
import CPUKernelsV3
import CPUKernelsV4
import Glibc
import Testing

@testable import Tensor

/// Kernels of every level that this processor has.
@Suite struct KernelTests {
  static var levels: [(Int, any Kernels.Type)] {
    let level = Processor.detect().level
    return [
      (2, CPUKernelsV2.CompiledKernels.self), (3, CPUKernelsV3.CompiledKernels.self),
      (4, CPUKernelsV4.CompiledKernels.self),
    ].filter { $0.0 <= level }
  }

  @Test func exponential() {
    for (level, kernels) in Self.levels {
      let count = 10_003
      let x = (0..<count).map { -90 + 180 * Float($0) / Float(count) }
      var y = [Float](repeating: 0, count: count)
      kernels.exp(x, &y, count)
      let wrong = (0..<count).filter {
        let exact = Glibc.exp(Double(min(max(x[$0], -87.3), 88.3)))
        return abs(Double(y[$0]) - exact) > 2e-7 * exact
      }
      #expect(wrong.map { x[$0] }.isEmpty, "level \(level)")
      var one: Float = 0
      var zero: Float = 0
      kernels.exp(&zero, &one, 1)
      #expect(one == 1)
    }
  }

  @Test(arguments: [1, 15, 16, 17, 64, 67, 130])
  func dots(count: Int) {
    let stream = RandomStream(seed: 1, purpose: "dots")
    let a = (0..<count).map { stream.uniform($0) - 0.5 }
    let b = (0..<count).map { stream.uniform(1000 + $0) - 0.5 }
    let brains = b.map { UInt16($0.bitPattern >> 16) }
    let halves = b.map { Float16($0).bitPattern }
    func exact(_ values: [Float]) -> Double {
      zip(a, values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    for (_, kernels) in Self.levels {
      #expect(abs(Double(kernels.dot(a, b, count)) - exact(b)) < 1e-5)
      let widened = brains.map { Float(bitPattern: UInt32($0) << 16) }
      #expect(abs(Double(kernels.dotBF16(a, brains, count)) - exact(widened)) < 1e-5)
      let half = halves.map { Float(Float16(bitPattern: $0)) }
      #expect(abs(Double(kernels.dotF16(a, halves, count)) - exact(half)) < 1e-5)
    }
  }

  @Test func masksAreTheDefinition() {
    for p in [Float(0.05), 0.5, 0.999, 1e-7] {
      let term = AdapterTerm(
        a: Tensor(HostStorage(byteCount: 4), shape: [1, 1], dtype: .f32),
        b: Tensor(HostStorage(byteCount: 4), shape: [1, 1], dtype: .f32), scale: 1, dropout: p,
        mask: RandomStream(seed: 9, purpose: "mask"))
      guard let mask = term.survivors, let key = term.mask?.key else {
        Issue.record("no mask")
        return
      }
      let count = 1003
      let x = [Float](repeating: 1, count: count)
      for (_, kernels) in Self.levels {
        for start: UInt32 in [0, 12_345, .max - 500] {
          var y = [Float](repeating: 2, count: count)
          kernels.drop(x, mask, start, &y, count)
          var sums = [Float](repeating: 5, count: count)
          kernels.addSurvivors(x, 3, mask, start, &sums, count)
          var brains = [UInt16](repeating: 9, count: count)
          kernels.dropToBF16(x, mask, start, &brains, count)
          let wrong = (0..<count).filter {
            let survives = AdapterTerm.survives(start &+ UInt32($0), key: key, dropout: p)
            return y[$0] != (survives ? 1 : 0) || sums[$0] != (survives ? 8 : 5)
              || brains[$0] != (survives ? 0x3F80 : 0)
          }
          #expect(wrong.isEmpty)
        }
      }
    }
  }
}

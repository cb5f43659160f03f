import Glibc
import Testing

@testable import Tensor

@Suite struct OptimizerTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  @Test func adamWFollowsThePaper() throws {
    let shapes = [(1, 1), (3, 7), (50, 999)]
    var settings = AdamWSettings(rate: 0.01)
    settings.decay = 0.1
    settings.beta1 = 0.8
    let clip: Float = 0.5
    var values = shapes.enumerated().map { Matrix.random($1.0, $1.1, seed: UInt64($0)) }
    var firsts = shapes.map { Matrix($0.0, $0.1) }
    var seconds = firsts
    let tensors = try values.map { try backend.tensor($0) }
    let momentsA = try firsts.map { try backend.tensor($0) }
    let momentsB = try seconds.map { try backend.tensor($0) }
    for step in 1...4 {
      let gradients = shapes.enumerated().map {
        Matrix.random($1.0, $1.1, seed: UInt64(100 * step + $0))
      }
      try backend.adamW(
        try tensors.indices.map {
          AdamWParameter(
            value: tensors[$0], gradient: try backend.tensor(gradients[$0]), first: momentsA[$0],
            second: momentsB[$0])
        }, settings: settings, step: step, gradientScale: clip)
      for p in values.indices {
        for i in values[p].values.indices {
          let g = gradients[p].values[i] * Double(clip)
          let (b1, b2) = (0.8, 0.999)
          firsts[p].values[i] = b1 * firsts[p].values[i] + (1 - b1) * g
          seconds[p].values[i] = b2 * seconds[p].values[i] + (1 - b2) * g * g
          let m = firsts[p].values[i] / (1 - pow(b1, Double(step)))
          let v = seconds[p].values[i] / (1 - pow(b2, Double(step)))
          values[p].values[i] -=
            0.01 * (m / (v.squareRoot() + 1e-8) + 0.1 * values[p].values[i])
        }
        #expect(try backend.matrix(tensors[p]).distance(values[p]) < 2e-6)
      }
    }
  }

  @Test func sumOfSquares() throws {
    let a = Matrix.random(130, 700, seed: 1)
    let b = Matrix.random(9, 11, seed: 2)
    let exact = a.dot(a) + b.dot(b)
    let found = try backend.sumOfSquares([try backend.tensor(a), try backend.view(b)])
    #expect(abs(found - exact) < 1e-6 * exact)
    #expect(try backend.sumOfSquares([]) == 0)
  }

  @Test func mismatchedTensorsAreErrors() throws {
    let a = try backend.tensor(Matrix.random(2, 3, seed: 1))
    let b = try backend.tensor(Matrix.random(3, 2, seed: 1))
    #expect(throws: ShapeMismatch.self) {
      try backend.adamW(
        [AdamWParameter(value: a, gradient: b, first: a, second: a)],
        settings: AdamWSettings(rate: 1), step: 1, gradientScale: 1)
    }
  }
}

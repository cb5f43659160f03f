import Glibc
import Testing

@testable import Evaluation

struct DivergenceTests {
  /// Softmax by its definition, in f64.
  func softmax(_ logits: [Float]) -> [Double] {
    let powers = logits.map { exp(Double($0)) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  @Test func oneTokenFollowsTheDefinition() {
    let logits: [Float] = [0.5, -1.25, 2, 0.75]
    let reference: [Float] = [1.5, 0.25, -0.5, 1.75]
    let (q, p) = (softmax(logits), softmax(reference))
    let token = TokenDivergence(logits[...], reference[...], target: 3)
    let expected = zip(p, q).reduce(0.0) { $0 + $1.0 * log($1.0 / $1.1) }
    #expect(abs(token.divergence - expected) < 1e-6)
    #expect(abs(token.nll + log(q[3])) < 1e-6)
    #expect(abs(token.referenceNLL + log(p[3])) < 1e-6)
    #expect(!token.agrees)
  }

  /// Neither a shift of all logits nor their size makes a difference or overflows.
  @Test func shiftsDoNotMatter() {
    let logits: [Float] = [0.5, -1.25, 2, 0.75]
    let shifted = logits.map { $0 + 1000 }
    let token = TokenDivergence(shifted[...], logits[...], target: 0)
    #expect(token.divergence < 1e-6 && token.agrees)
    #expect(abs(token.nll - token.referenceNLL) < 1e-4)
  }

  @Test func quantilesInterpolate() {
    #expect(PairedBootstrap.quantile([1, 2, 4], 0) == 1)
    #expect(PairedBootstrap.quantile([1, 2, 4], 0.5) == 2)
    #expect(PairedBootstrap.quantile([1, 2, 4], 0.75) == 3)
    #expect(PairedBootstrap.quantile([1, 2, 4], 1) == 4)
    #expect(PairedBootstrap.quantile([7], 0.3) == 7)
  }
}

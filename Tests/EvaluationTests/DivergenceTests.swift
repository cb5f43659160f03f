import Glibc
import Tensor
import Testing

@testable import Evaluation

struct DivergenceTests {
  /// Softmax by its definition, in f64.
  func softmax(_ logits: [Float]) -> [Double] {
    let powers = logits.map { exp(Double($0)) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// KL(reference ‖ logits), both nll of the target, and whether both find the same token most likely.
  func compare(_ logits: [Float], _ reference: [Float], target: Int) throws -> [Float] {
    let backend = try TestBackend.cpu
    let shape = [1, logits.count]
    return try backend.read(
      backend.divergence(
        Tensor(logits, shape: shape), from: Tensor(reference, shape: shape),
        targets: [Int32(target)]))
  }

  @Test func oneTokenFollowsTheDefinition() throws {
    let logits: [Float] = [0.5, -1.25, 2, 0.75]
    let reference: [Float] = [1.5, 0.25, -0.5, 1.75]
    let (q, p) = (softmax(logits), softmax(reference))
    let found = try compare(logits, reference, target: 3)
    let expected = zip(p, q).reduce(0.0) { $0 + $1.0 * log($1.0 / $1.1) }
    #expect(abs(Double(found[0]) - expected) < 1e-6)
    #expect(abs(Double(found[1]) + log(q[3])) < 1e-6)
    #expect(abs(Double(found[2]) + log(p[3])) < 1e-6)
    #expect(found[3] == 0)
  }

  /// Vocabularies of any length, near and far, on rows that stand within wider ones.
  @Test(arguments: [1, 15, 16, 100, 2048, 3001], [Float(0.01), 3])
  func rowsFollowTheDefinition(vocabulary: Int, scale: Float) throws {
    let backend = try TestBackend.cpu
    let stream = RandomStream(seed: 4, purpose: "logits")
    let (rows, width) = (5, vocabulary + 3)
    let base = (0..<rows * width).map { 4 * stream.uniform($0) }
    let moved = base.indices.map { base[$0] + scale * stream.uniform(100_000 + $0) }
    func view(_ values: [Float]) -> Tensor {
      Tensor(values, shape: [rows, width]).columns(1..<1 + vocabulary)
    }
    let targets = (0..<rows).map { Int32($0 % vocabulary) }
    let found = try backend.read(
      backend.divergence(view(moved), from: view(base), targets: targets))
    for row in 0..<rows {
      let place = row * width + 1..<row * width + 1 + vocabulary
      let (q, p) = (softmax(Array(moved[place])), softmax(Array(base[place])))
      let divergence = zip(p, q).reduce(0.0) { $0 + $1.0 * log($1.0 / $1.1) }
      #expect(abs(Double(found[4 * row]) - divergence) < 2e-6)
      #expect(abs(Double(found[4 * row + 1]) + log(q[Int(targets[row])])) < 1e-5)
      #expect(abs(Double(found[4 * row + 2]) + log(p[Int(targets[row])])) < 1e-5)
      #expect(
        found[4 * row + 3]
          == (q.firstIndex(of: q.max() ?? 0) == p.firstIndex(of: p.max() ?? 0) ? 1 : 0))
    }
    // A model is not at all far from itself.
    let same = try backend.read(backend.divergence(view(base), from: view(base), targets: targets))
    #expect((0..<rows).allSatisfy { same[4 * $0] == 0 && same[4 * $0 + 3] == 1 })
  }

  /// Neither a shift of all logits nor their size makes a difference or overflows; what is no number stays none.
  @Test func shiftsDoNotMatter() throws {
    let logits: [Float] = [0.5, -1.25, 2, 0.75]
    let found = try compare(logits.map { $0 + 1000 }, logits, target: 0)
    #expect(found[0] < 1e-6 && found[3] == 1)
    #expect(abs(found[1] - found[2]) < 1e-4)
    #expect(try compare([0.5, .nan, 2], [1, 2, 3], target: 0)[0].isNaN)
    #expect(throws: ShapeMismatch.self) { try compare(logits, logits, target: 4) }
  }

  @Test func quantilesInterpolate() {
    #expect(PairedBootstrap.quantile([1, 2, 4], 0) == 1)
    #expect(PairedBootstrap.quantile([1, 2, 4], 0.5) == 2)
    #expect(PairedBootstrap.quantile([1, 2, 4], 0.75) == 3)
    #expect(PairedBootstrap.quantile([1, 2, 4], 1) == 4)
    #expect(PairedBootstrap.quantile([7], 0.3) == 7)
  }
}

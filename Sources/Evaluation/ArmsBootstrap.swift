import Runtime
import Tensor

#if canImport(Glibc)
  import Glibc
#endif

/// A bootstrap over documents of several arms at once: every resample draws the same documents for all arms, so that any
/// two of them can be compared as a pair.
///
/// Tokens of one document are not independent of each other, so whole documents are drawn; and all arms scored the same
/// documents, so differences are what is looked at, which cancels what is hard about a document.
///
/// *Paper:* Efron and Tibshirani, "An introduction to the bootstrap" (1993), chapters 13 and 16; for paired comparison of
/// systems, Koehn, "Statistical significance tests for machine translation evaluation" (2004); the wider spread for few
/// documents: Hesterberg, "What teachers should know about the bootstrap" (2015), section 4.
public struct ArmsBootstrap: Sendable {
  public let documents: Int
  public let tokens: Int
  public let resamples: Int
  /// For each arm its mean nll less the first arm's, nats per token: as observed, and in every resample.
  private let observed: [Double]
  /// For each arm and document its nll less the first arm's.
  private let differences: [[Double]]
  private let lengths: [Double]
  private let drawn: [[Double]]

  /// - Parameter arms: Scores of each arm, of the same documents in the same order.
  /// - Throws: `UnpairedScores` where the documents are not the same, `Cancelled`.
  /// - Guarantee: the same scores, seed and number of resamples give the same result.
  /// - Complexity: documents × arms × resamples additions, eight at a time.
  public init(_ arms: [[Score]], resamples: Int = 10_000, seed: UInt64 = 0) throws {
    let first = arms.first ?? []
    for arm in arms {
      guard arm.count == first.count, !first.isEmpty else {
        throw UnpairedScores(first: first.count, second: arm.count, document: nil)
      }
      for (document, pair) in zip(first, arm).enumerated() where pair.0.tokens != pair.1.tokens {
        throw UnpairedScores(first: pair.0.tokens, second: pair.1.tokens, document: document)
      }
    }
    let tokens = first.reduce(0) { $0 + $1.tokens }
    guard tokens > 0 else { throw UnpairedScores(first: 0, second: 0, document: nil) }
    documents = first.count
    self.tokens = tokens
    self.resamples = max(1, resamples)
    differences = arms.map { arm in zip(arm, first).map { $0.nll - $1.nll } }
    lengths = first.map { Double($0.tokens) }
    observed = differences.map { $0.reduce(0, +) / Double(tokens) }
    drawn = try ArmsBootstrap.draw(arms, first, resamples: max(1, resamples), seed: seed)
  }

  /// The difference of each resample: as many documents as there are, drawn with replacement.
  private static func draw(_ arms: [[Score]], _ first: [Score], resamples: Int, seed: UInt64) throws
    -> [[Double]]
  {
    let documents = first.count
    // A document's tokens, then each arm's difference from the first, padded to whole vectors.
    let width = (arms.count + 1 + 7) / 8
    var table = [SIMD8<Double>](repeating: .zero, count: documents * width)
    for document in 0..<documents {
      table[document * width][0] = Double(first[document].tokens)
      for (arm, scores) in arms.enumerated() {
        table[document * width + (arm + 1) / 8][(arm + 1) % 8] =
          scores[document].nll - first[document].nll
      }
    }
    var result = arms.map { _ in [Double](repeating: 0, count: resamples) }
    var sums = [SIMD8<Double>](repeating: .zero, count: width)
    try table.withUnsafeBufferPointer { table in
      try sums.withUnsafeMutableBufferPointer { sums in
        var steps = Steps("bootstrap", of: resamples, unit: "resamples")
        for resample in 0..<resamples {
          if resample % 256 == 0 { try steps.advance(by: resample == 0 ? 0 : 256) }
          let stream = RandomStream(
            seed: seed, purpose: "paired bootstrap", index: UInt64(resample))
          sums.update(repeating: .zero)
          var place = 0
          var counter: UInt64 = 0
          while place < documents {
            let words = stream.block(counter)
            counter += 1
            for lane in 0..<min(4, documents - place) {
              // The upper half of a 32 by 32 bit product: uniform over the documents up to 2^-32.
              let row = Int((UInt64(words[lane]) &* UInt64(documents)) >> 32) &* width
              for column in 0..<width { sums[column] += table[row &+ column] }
            }
            place += 4
          }
          let total = sums[0][0]
          // Documents of no tokens alone say nothing; the observed difference would be 0/0 too.
          guard total > 0 else { continue }
          for arm in arms.indices {
            result[arm][resample] = sums[(arm + 1) / 8][(arm + 1) % 8] / total
          }
        }
      }
    }
    return result
  }

  /// Arm `first` against arm `second`.
  public func compare(_ first: Int, _ second: Int, level: Double = 0.95) -> PairedBootstrap {
    let difference = observed[first] - observed[second]
    var drawn = zip(self.drawn[first], self.drawn[second]).map { $0 - $1 }
    let count = Double(drawn.count)
    let mean = drawn.reduce(0, +) / count
    let variance = drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)
    let reach = ArmsBootstrap.reach(level: level, documents: documents)
    // Centred on the observed difference, the resamples stand for documents that do not differ. Rounding must not decide
    // a comparison of equals, hence the slack.
    let slack = 1e-12 * max(1e-300, abs(difference))
    let extreme = drawn.reduce(0) {
      $0 + (abs($1 - difference) * reach >= abs(difference) - slack ? 1 : 0)
    }
    // Two standard errors of the counting are added, so that the luck of drawing decides nothing.
    let chance = Double(extreme) + 2 * Double(extreme).squareRoot()
    drawn.sort()
    let tail = (1 - level) / 2
    let low = PairedBootstrap.quantile(drawn, tail) - difference
    let high = PairedBootstrap.quantile(drawn, 1 - tail) - difference
    return PairedBootstrap(
      difference: difference, interval: difference + low * reach...difference + high * reach,
      level: level,
      probability: difference == 0
        ? 1 : min(1, max((chance + 1) / (count + 1), student(first, second))),
      standardError: variance.squareRoot(), documents: documents, tokens: tokens,
      resamples: drawn.count)
  }

  /// The two-sided probability by Student's test of the documents' residuals. Where few documents carry most of a difference
  /// it doubts more than the resamples do, and both must be convinced.
  private func student(_ first: Int, _ second: Int) -> Double {
    guard documents > 1 else { return 1 }
    let difference = observed[first] - observed[second]
    var squares = 0.0
    for document in 0..<documents {
      let residual =
        differences[first][document] - differences[second][document]
        - difference * lengths[document]
      squares += residual * residual
    }
    let freedom = Double(documents - 1)
    let error = (squares * Double(documents) / freedom).squareRoot() / Double(tokens)
    guard error > 0 else { return 0 }
    let t = abs(difference) / error
    // The normal deviate of the same probability (Abramowitz and Stegun 26.7.8).
    let z = t * (1 - 1 / (4 * freedom)) / (1 + t * t / (2 * freedom)).squareRoot()
    return erfc(z / 2.0.squareRoot())
  }

  /// How much wider than the resamples an honest interval is for so many documents: they are drawn from the documents at
  /// hand, whose spread is smaller by √(1 − 1/n) than that of all, and it is itself only estimated (Student's t).
  static func reach(level: Double, documents: Int) -> Double {
    guard documents > 1 else { return 1 }
    let freedom = Double(documents - 1)
    let z = quantileOfNormal((1 + level) / 2)
    let (z3, z5, z7) = (z * z * z, z * z * z * z * z, z * z * z * z * z * z * z)
    // The expansion of Student's quantile around the normal one.
    let t =
      z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom)
      + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom * freedom * freedom)
    return t / z * (Double(documents) / freedom).squareRoot()
  }

  /// The inverse of the normal distribution function, by bisection.
  static func quantileOfNormal(_ share: Double) -> Double {
    var (low, high) = (-9.0, 9.0)
    while high - low > 1e-12 {
      let middle = (low + high) / 2
      if 0.5 * erfc(-middle / 2.0.squareRoot()) < share { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

import Tensor
import Testing

@testable import Evaluation

struct PairedBootstrapTests {
  /// Normal numbers (Box–Muller would need logarithms; twelve uniforms less six are close enough).
  struct Noise {
    var stream: RandomStream
    var place = 0
    mutating func next() -> Double {
      defer { place += 12 }
      return (0..<12).reduce(-6.0) { $0 + Double(stream.uniform(place + $1)) }
    }
  }

  /// Two arms on documents of different length and difficulty; the second is worse by `gap` nats per token on average,
  /// by an amount that differs between documents.
  static func arms(_ documents: Int, gap: Double, spread: Double = 0.05, seed: UInt64) -> (
    [Score], [Score]
  ) {
    var noise = Noise(stream: RandomStream(seed: seed, purpose: "synthetic scores"))
    var (first, second): ([Score], [Score]) = ([], [])
    for document in 0..<documents {
      let tokens = 40 + document * 37 % 90
      let difficulty = 4 + noise.next()
      let difference = gap + spread * noise.next()
      first.append(Score(nll: difficulty * Double(tokens), tokens: tokens))
      second.append(Score(nll: (difficulty + difference) * Double(tokens), tokens: tokens))
    }
    return (first, second)
  }

  @Test func identicalArmsTie() throws {
    let (first, _) = Self.arms(30, gap: 0, seed: 1)
    let result = try PairedBootstrap(first, first, resamples: 500)
    #expect(result.difference == 0)
    #expect(result.interval == 0...0)
    #expect(result.probability == 1)
    #expect(result.isTie)
    #expect(result.documentsToDecide == nil)
  }

  @Test func aClearDifferenceIsFound() throws {
    let (first, second) = Self.arms(60, gap: 0.1, seed: 2)
    let result = try PairedBootstrap(first, second, resamples: 2000)
    #expect(!result.isTie)
    #expect(result.interval.upperBound < 0)
    #expect(result.probability < 0.01)
    #expect(abs(result.difference + 0.1) < 0.03)
    #expect(result.documents == 60)
    #expect(result.tokens == first.total.tokens)
  }

  @Test func swappingTheArmsChangesTheSignAlone() throws {
    let (first, second) = Self.arms(25, gap: 0.02, seed: 3)
    let one = try PairedBootstrap(first, second, resamples: 1000, seed: 9)
    let other = try PairedBootstrap(second, first, resamples: 1000, seed: 9)
    #expect(one.difference == -other.difference)
    #expect(abs(one.interval.lowerBound + other.interval.upperBound) < 1e-12)
    #expect(one.probability == other.probability)
  }

  @Test func theSameSeedGivesTheSameResult() throws {
    let (first, second) = Self.arms(25, gap: 0.02, seed: 4)
    let one = try PairedBootstrap(first, second, resamples: 300, seed: 5)
    #expect(try one == PairedBootstrap(first, second, resamples: 300, seed: 5))
    #expect(try one != PairedBootstrap(first, second, resamples: 300, seed: 6))
  }

  /// How hard documents are must not matter: only their differences do.
  @Test func difficultyCancels() throws {
    let (first, second) = Self.arms(25, gap: 0.02, seed: 5)
    func harder(_ scores: [Score]) -> [Score] {
      scores.enumerated().map { index, score in
        Score(nll: score.nll + 1024 * Double(index % 7), tokens: score.tokens)
      }
    }
    let one = try PairedBootstrap(first, second, resamples: 400)
    let other = try PairedBootstrap(harder(first), harder(second), resamples: 400)
    #expect(abs(one.difference - other.difference) < 1e-9)
    #expect(abs(one.interval.lowerBound - other.interval.lowerBound) < 1e-9)
    #expect(abs(one.interval.upperBound - other.interval.upperBound) < 1e-9)
  }

  /// The 95% interval holds the true difference about 95 times in 100, and a test of equals at 5% errs about as often.
  @Test func theIntervalCoversTheTruth() throws {
    let (repetitions, gap) = (200, 0.03)
    var (covered, false_alarms) = (0, 0)
    for repetition in 0..<repetitions {
      let seed = UInt64(1000 + repetition)
      let (first, second) = Self.arms(40, gap: gap, seed: seed)
      let result = try PairedBootstrap(first, second, resamples: 300, seed: seed)
      if result.interval.contains(-gap) { covered += 1 }
      let (third, fourth) = Self.arms(40, gap: 0, seed: seed + 5000)
      let equal = try PairedBootstrap(third, fourth, resamples: 300, seed: seed)
      if equal.probability < 0.05 { false_alarms += 1 }
    }
    // Four standard deviations of a binomial of 200 at 0.95 are 6 percentage points; percentile intervals of 40
    // clusters run a little narrow.
    #expect(covered >= 174 && covered <= 200)
    #expect(false_alarms <= 26)
  }

  /// The bootstrap's standard error agrees with the formula for a mean where all documents are equally long.
  @Test func theStandardErrorAgreesWithTheFormula() throws {
    var noise = Noise(stream: RandomStream(seed: 8, purpose: "equal lengths"))
    let differences = (0..<50).map { _ in noise.next() }
    let first = differences.map { Score(nll: 100 + $0, tokens: 10) }
    let second = differences.map { _ in Score(nll: 100, tokens: 10) }
    let mean = differences.reduce(0, +) / 50
    let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 50
    let result = try PairedBootstrap(first, second, resamples: 4000)
    let expected = (variance / 50).squareRoot() / 10
    #expect(abs(result.standardError / expected - 1) < 0.06)
    #expect(abs(result.difference - mean / 10) < 1e-12)
  }

  @Test func moreDocumentsAreAskedForWhereTheDifferenceIsSmall() throws {
    let (first, second) = Self.arms(40, gap: 0.004, seed: 11)
    let result = try PairedBootstrap(first, second, resamples: 1000)
    let needed = try #require(result.documentsToDecide)
    let ratio = 2.8 * result.standardError / abs(result.difference)
    #expect(abs(Double(needed) - 40 * ratio * ratio) <= 1)
  }

  @Test func armsOfDifferentDocumentsAreRefused() throws {
    let (first, second) = Self.arms(10, gap: 0, seed: 12)
    #expect(throws: UnpairedScores.self) { try PairedBootstrap(first, Array(second.dropLast())) }
    #expect(throws: UnpairedScores.self) { try PairedBootstrap([], []) }
    var shorter = second
    shorter[4].tokens -= 1
    #expect(
      throws: UnpairedScores(
        first: first[4].tokens, second: shorter[4].tokens, document: 4)
    ) { try PairedBootstrap(first, shorter) }
  }

  /// Worked by hand: sorted 0.01, 0.02, 0.04 times 3, 2, 1.
  @Test func holmCorrects() {
    let corrected = PairedBootstrap.corrected([0.04, 0.01, 0.02])
    for (got, expected) in zip(corrected, [0.04, 0.03, 0.04]) {
      #expect(abs(got - expected) < 1e-12)
    }
    #expect(PairedBootstrap.corrected([0.9, 0.8]) == [1, 1])
    #expect(PairedBootstrap.corrected([]).isEmpty)
  }
}

import Tensor
import Testing

@testable import Evaluation

/// What is claimed, and what is not.
struct VerdictTests {
  typealias Noise = PairedBootstrapTests.Noise

  /// Per-document differences as two runs of one model show them: heavy-tailed, of documents of different lengths.
  static func pair(_ documents: Int, gap: Double, seed: UInt64) -> ([Score], [Score]) {
    var noise = Noise(stream: RandomStream(seed: seed, purpose: "pair"))
    var (first, second): ([Score], [Score]) = ([], [])
    for document in 0..<documents {
      let tokens = 30 + document * 53 % 140
      let difficulty = 2 + 0.4 * noise.next()
      let size = noise.next()
      // A cube has heavy tails.
      let difference = gap + 0.01 * (noise.next() + 0.3 * size * size * size)
      first.append(Score(nll: difficulty * Double(tokens), tokens: tokens))
      second.append(Score(nll: (difficulty + difference) * Double(tokens), tokens: tokens))
    }
    return (first, second)
  }

  /// On 1,000 pairs without a true difference, at most 5% are claimed to differ.
  @Test(arguments: [25, 60])
  func equalsAreClaimedToDifferInAtMostFivePercent(documents: Int) throws {
    var claims = 0
    for trial in 0..<1000 {
      let (first, second) = Self.pair(documents, gap: 0, seed: UInt64(trial) &* 7919 &+ 3)
      let verdict = try Verdict(
        [
          .init(label: "a", repetitions: [first]), .init(label: "b", repetitions: [second]),
        ], resamples: 200, seed: UInt64(trial))
      if verdict.comparisons[0].isTie == false { claims += 1 }
    }
    #expect(claims <= 50, "\(claims) of 1000")
    // A test that never claims anything would pass too.
    #expect(claims >= 10, "\(claims) of 1000")
  }

  /// A planted difference of 1% of perplexity is found on as many documents as the published test has.
  @Test func onePercentIsFound() throws {
    var found = 0
    for trial in 0..<5 {
      let (first, second) = Self.pair(1000, gap: 0.00995, seed: UInt64(trial) + 77)
      let verdict = try Verdict(
        [
          .init(label: "a", repetitions: [first]), .init(label: "b", repetitions: [second]),
        ], resamples: 300, seed: 1)
      let comparison = verdict.comparisons[0]
      if comparison.word == "worse", comparison.arm == "b" { found += 1 }
      #expect(abs(comparison.perplexityChange - 0.01) < 0.004)
    }
    #expect(found == 5)
  }

  /// Any two arms of a joint bootstrap compare as they do alone.
  @Test func manyArmsCompareAsPairsDo() throws {
    let (a, b) = Self.pair(40, gap: 0.01, seed: 1)
    let c = zip(a, b).map { Score(nll: 0.3 * $0.nll + 0.7 * $1.nll, tokens: $0.tokens) }
    let joint = try ArmsBootstrap([a, b, c, a, b, c, a, b, c, a], resamples: 300, seed: 4)
    for (first, second, scores) in [(1, 0, (b, a)), (2, 1, (c, b)), (8, 9, (c, a))] {
      let alone = try PairedBootstrap(scores.0, scores.1, resamples: 300, seed: 4)
      let together = joint.compare(first, second)
      #expect(abs(alone.difference - together.difference) < 1e-12)
      #expect(abs(alone.interval.lowerBound - together.interval.lowerBound) < 1e-10)
      #expect(alone.probability == together.probability)
    }
    #expect(joint.compare(0, 3).difference == 0 && joint.compare(0, 3).probability == 1)
  }

  /// Student's quantile against tables: 2.045 for 29, 2.365 for 7 degrees of freedom.
  @Test func intervalsAreWidenedForFewDocuments() {
    let z = 1.959964
    #expect(abs(ArmsBootstrap.quantileOfNormal(0.975) - z) < 1e-6)
    for (documents, t) in [(30, 2.045), (8, 2.365), (1000, 1.962)] {
      let expected = t / z * (Double(documents) / Double(documents - 1)).squareRoot()
      #expect(abs(ArmsBootstrap.reach(level: 0.95, documents: documents) - expected) < 3e-3)
    }
    #expect(abs(Verdict.student(4) - 2.776) < 1e-9 && abs(Verdict.student(30) - 2.042) < 5e-3)
  }

  func shifted(_ scores: [Score], by gap: Double) -> [Score] {
    scores.map { Score(nll: $0.nll + gap * Double($0.tokens), tokens: $0.tokens) }
  }

  /// Documents tell these arms apart without doubt, but the seeds turn the order round: nothing is claimed.
  @Test func nothingIsClaimedBelowTheNoiseOfSeeds() throws {
    let (a, _) = Self.pair(200, gap: 0, seed: 5)
    let gaps = [0.03, -0.02, 0.01, -0.03, 0.04]
    let b = gaps.map { shifted(a, by: $0) }
    let repeated = try Verdict(
      [
        .init(label: "a", repetitions: gaps.map { _ in a }), .init(label: "b", repetitions: b),
      ], resamples: 200)
    let comparison = try #require(repeated.comparisons.first)
    #expect(comparison.isSignificant && comparison.isNoise && comparison.word == "tie")
    // mean 0.006, deviation 0.0305: 2.776 · 0.0305 / √5.
    #expect(abs(comparison.result.difference - 0.006) < 1e-9)
    #expect(abs((comparison.noiseFloor ?? 0) - 0.03787) < 1e-4)
    #expect((comparison.seedsToDecide ?? 0) > 5)
    // The same with seeds that agree.
    let steady = try Verdict(
      [
        .init(label: "a", repetitions: gaps.map { _ in a }),
        .init(label: "b", repetitions: gaps.map { shifted(a, by: 0.03 + $0 / 100) }),
      ], resamples: 200)
    #expect(steady.comparisons[0].word == "worse" && !steady.comparisons[0].isNoise)
    // One seed alone would have claimed it.
    let once = try Verdict(
      [.init(label: "a", repetitions: [a]), .init(label: "b", repetitions: [b[0]])],
      resamples: 200)
    #expect(once.comparisons[0].word == "worse" && once.comparisons[0].noiseFloor == nil)
  }

  /// In groups: every arm with the reference, within each group with its best, and the groups' bests; the correction counts
  /// all pairs of which the best was chosen.
  @Test func groupsAreComparedWithinAndBetween() throws {
    let (a, _) = Self.pair(150, gap: 0, seed: 6)
    func arm(_ label: String, _ group: String?, _ gap: Double) -> Verdict.Arm {
      .init(label: label, group: group, repetitions: [shifted(a, by: gap)])
    }
    let verdict = try Verdict(
      [
        arm("base", nil, 0.5), arm("float", nil, 0), arm("x / 1", "x", 0.1),
        arm("x / 2", "x", 0.05), arm("x / 3", "x", 0.2), arm("y / 1", "y", 0.3),
        arm("y / 2", "y", 0.4),
      ], reference: 1, resamples: 1000)
    #expect(verdict.best == "x / 2")
    #expect(verdict.comparisons.count { $0.kind == .reference } == 6)
    let orders = verdict.comparisons.filter { $0.kind == .order }
    #expect(orders.map(\.arm) == ["x / 1", "x / 3", "y / 2"])
    #expect(orders.map(\.against) == ["x / 2", "x / 2", "y / 1"])
    let between = verdict.comparisons.filter { $0.kind == .group }
    #expect(between.map(\.arm) == ["y / 1"] && between[0].against == "x / 2")
    // 6 with the reference, 3 and 1 pairs within, 1 between.
    #expect(verdict.corrected == 11)
    #expect(verdict.comparisons.allSatisfy { $0.word == "worse" })
  }

  @Test func repetitionsOfOtherDocumentsAreRefused() throws {
    let (a, b) = Self.pair(20, gap: 0, seed: 7)
    #expect(throws: UnpairedScores.self) {
      try Verdict([
        .init(label: "a", repetitions: [a, Array(a.dropLast())]),
        .init(label: "b", repetitions: [b, b]),
      ])
    }
  }
}

import Evaluation
import Testing

@Suite struct MeanIntervalTests {
  /// Documents of one token each: the textbook interval of a mean, computed by hand.
  @Test func equalDocumentsGiveTheTextbookInterval() throws {
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    let interval = try #require(
      MeanInterval.of(values.map { Score(nll: $0, tokens: 1) }))
    // Mean 5, variance 32/7, standard error sqrt(32/7/8) = 0.755929.
    #expect(abs(interval.lowerBound - (5 - 1.959964 * 0.7559289)) < 1e-5)
    #expect(abs(interval.upperBound - (5 + 1.959964 * 0.7559289)) < 1e-5)
  }

  @Test func repeatedDocumentsNarrowIt() throws {
    let few = [Score(nll: 30, tokens: 10), Score(nll: 80, tokens: 20), Score(nll: 15, tokens: 4)]
    let many = (0..<100).flatMap { _ in few }
    let (wide, narrow) = (try #require(MeanInterval.of(few)), try #require(MeanInterval.of(many)))
    let ratio = (wide.upperBound - wide.lowerBound) / (narrow.upperBound - narrow.lowerBound)
    // The variance falls with the count less one: sqrt(299/2).
    #expect(abs(ratio - (299.0 / 2).squareRoot()) < 1e-9)
  }

  /// About 95 of 100 samples of documents give an interval that holds the true mean.
  @Test func coversTheTruth() throws {
    var state: UInt64 = 1
    func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    // Each document has its own level around 2 nats.
    var hits = 0
    for _ in 0..<1000 {
      let scores = (0..<60).map { _ in
        let tokens = 5 + Int(next() * 20)
        let level = 2 + (next() + next() + next() - 1.5)
        return Score(nll: level * Double(tokens), tokens: tokens)
      }
      if try #require(MeanInterval.of(scores)).contains(2) { hits += 1 }
    }
    #expect((930...970).contains(hits))
  }

  @Test func pairingTakesTheCommonPartAway() throws {
    let base = [1.0, 5.0, 9.0, 3.0].map { Score(nll: $0 * 10, tokens: 10) }
    let worse = base.map { Score(nll: $0.nll + 1, tokens: $0.tokens) }
    let paired = try #require(MeanInterval.paired([base, worse]))
    for (interval, arm) in zip(paired, [base, worse]) {
      #expect(abs(interval.lowerBound - arm.total.mean) < 1e-12)
      #expect(abs(interval.upperBound - arm.total.mean) < 1e-12)
    }
    #expect(MeanInterval.paired([base, Array(base.dropLast())]) == nil)
    #expect(MeanInterval.of([base[0]]) == nil)
  }
}

import Testing

@testable import Tensor

@Suite struct RandomTests {
  /// The known answers that Random123 publishes for Philox 4×32-10.
  @Test func philoxKnownAnswers() {
    #expect(
      RandomStream(key: 0).block(0)
        == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
  }

  @Test func streamsOfDifferentPurposeDiffer() {
    let a = RandomStream(seed: 1, purpose: "a")
    #expect(a != RandomStream(seed: 1, purpose: "b"))
    #expect(a != RandomStream(seed: 2, purpose: "a"))
    #expect(a != RandomStream(seed: 1, purpose: "a", index: 1))
    #expect(a == RandomStream(seed: 1, purpose: "a", index: 0))
  }

  @Test func uniformsFillTheInterval() {
    let stream = RandomStream(seed: 3, purpose: "uniform")
    let count = 20_000
    var (sum, squares) = (0.0, 0.0)
    for i in 0..<count {
      let value = Double(stream.uniform(i))
      if value < 0 || value >= 1 { Issue.record("\(value) is not in [0, 1)") }
      sum += value
      squares += value * value
    }
    #expect(abs(sum / Double(count) - 0.5) < 0.01)
    #expect(abs(squares / Double(count) - 1.0 / 3) < 0.01)
  }

  @Test func permutationsHoldEachElementOnce() {
    for count in [0, 1, 2, 1000] {
      let order = RandomStream(seed: 4, purpose: "order").permutation(count)
      #expect(order.sorted() == Array(0..<count))
    }
    let order = RandomStream(seed: 4, purpose: "order").permutation(1000)
    #expect(order != Array(0..<1000))
  }

  @Test(arguments: [Float(0.05), 0.5])
  func dropoutDropsItsShare(p: Float) {
    let key = RandomStream(seed: 5, purpose: "dropout").key
    let count = 50_000
    let dropped = (0..<count).count { !AdapterTerm.survives(UInt32($0), key: key, dropout: p) }
    #expect(abs(Double(dropped) / Double(count) - Double(p)) < 0.01)
  }
}

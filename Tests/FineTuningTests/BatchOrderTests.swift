import Testing

@testable import FineTuning

struct BatchOrderTests {
  @Test func anEpochVisitsEveryExampleOnce() {
    var order = BatchOrder(count: 12, batch: 4, seed: 7)
    for epoch in 0..<3 {
      let seen = (0..<3).flatMap { order.indices(step: epoch * 3 + $0) }
      #expect(seen.sorted() == Array(0..<12))
    }
  }

  @Test func epochsDiffer() {
    var order = BatchOrder(count: 50, batch: 50, seed: 7)
    #expect(order.indices(step: 0) != order.indices(step: 1))
  }

  @Test func aBatchGoesOnIntoTheNextEpoch() {
    var order = BatchOrder(count: 5, batch: 3, seed: 1)
    let seen = (0..<5).flatMap { order.indices(step: $0) }
    for epoch in 0..<3 {
      #expect(seen[epoch * 5..<epoch * 5 + 5].sorted() == Array(0..<5))
    }
    #expect(order.epochs(steps: 5) == 3)
  }

  @Test func aBatchLargerThanTheDataRepeatsIt() {
    var order = BatchOrder(count: 3, batch: 7, seed: 1)
    #expect(Set(order.indices(step: 0)) == [0, 1, 2])
    #expect(order.indices(step: 0).count == 7)
  }

  @Test func stepsAreTheSameInWhateverOrderTheyAreAsked() {
    var forward = BatchOrder(count: 11, batch: 4, seed: 3)
    var backward = BatchOrder(count: 11, batch: 4, seed: 3)
    let steps = (0..<9).map { forward.indices(step: $0) }
    let reversed = (0..<9).reversed().map { backward.indices(step: $0) }
    #expect(steps == reversed.reversed())
  }

  @Test func withoutASeedTheOrderIsThatOfTheData() {
    var order = BatchOrder(count: 5, batch: 3, seed: nil)
    #expect(order.indices(step: 0) == [0, 1, 2])
    #expect(order.indices(step: 1) == [3, 4, 0])
  }

  @Test func noDataGivesNoBatches() {
    var order = BatchOrder(count: 0, batch: 3, seed: 1)
    #expect(order.indices(step: 4).isEmpty)
  }
}

import Runtime
import Synchronization
import Testing

/// Loops that nobody hands a progress handler tell how far they are once they take longer than a moment.
@Suite struct StepsTests {
  @Test func onlyWhatTakesLongIsTold() throws {
    let told = Mutex<[Progress]>([])
    let keep: ProgressHandler = { progress in told.withLock { $0.append(progress) } }
    try Progress.listening(keep) {
      var steps = Steps("count", of: 3, unit: "rows")
      try steps.advance()
      let before = told.withLock { $0.count }
      #expect(before == 0)
      let start = ContinuousClock.now
      while ContinuousClock.now < start + .milliseconds(310) {}
      try steps.advance()
      // Not each of many quick ones.
      for _ in 0..<100 { try steps.advance() }
    }
    let moments = told.withLock { $0 }
    #expect(moments.first?.done == 2 && moments.first?.total == 3)
    #expect(moments.first?.stage == "count" && moments.count < 5)
  }

  @Test func withoutAListenerNothingHappens() throws {
    var steps = Steps("count", of: nil, unit: "bytes")
    try steps.advance(by: 4096)
  }
}

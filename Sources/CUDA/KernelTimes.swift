import Synchronization

/// How long each kernel and product takes, one at a time: where `OLV_CUDA_TIMES` is set, the device is waited for before and
/// after every one of them. That makes everything slower, and shows what is slow. The first of each is not counted: it may have
/// been compiled, loaded or chosen in that time.
final class KernelTimes: Sendable {
  private let state = Mutex<[String: (count: Int, seconds: Double)]>([:])
  private let clock = ContinuousClock()
  /// While a step is recorded nothing runs that could be waited for.
  let isPaused = Atomic(false)

  /// Runs `body`, which asks the device for something.
  func time(_ name: String, _ driver: Driver, _ body: () throws -> Void) throws {
    if isPaused.load(ordering: .relaxed) { return try body() }
    try driver.wait(name)
    let start = clock.now
    try body()
    try driver.wait(name)
    let seconds = (clock.now - start) / .seconds(1)
    state.withLock { state in
      guard let known = state[name] else {
        state[name] = (0, 0)
        return
      }
      state[name] = (known.count + 1, known.seconds + seconds)
    }
  }

  /// Since the last call, the longest first.
  func take() -> [(name: String, count: Int, seconds: Double)] {
    state.withLock { state in
      defer { state = [:] }
      return state.map { ($0.key, $0.value.count, $0.value.seconds) }.sorted {
        $0.seconds > $1.seconds
      }
    }
  }
}

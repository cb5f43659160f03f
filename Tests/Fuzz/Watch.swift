import Glibc
import Synchronization

/// Knows which input is being looked at, and says it when that ends badly.
enum Watch {
  private static let limit = 1 << 16
  /// What a signal's handler may touch: memory that never moves.
  nonisolated(unsafe) private static let buffer =
    UnsafeMutablePointer<UInt8>.allocate(capacity: limit)
  private static let length = Atomic(0)
  private static let number = Atomic(0)
  private static let isOver = Atomic(false)

  static func install() {
    for code in [SIGILL, SIGSEGV, SIGTRAP, SIGABRT, SIGBUS, SIGFPE] {
      signal(code) { code in
        Watch.tell("crashed on:\n")
        signal(code, SIG_DFL)
        raise(code)
      }
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var seen = -1
        while !Watch.isOver.load(ordering: .relaxed) {
          let now = Watch.number.load(ordering: .relaxed)
          if now == seen {
            Watch.tell("hangs on:\n")
            _exit(1)
          }
          seen = now
          sleep(10)
        }
        return nil
      }, nil)
  }

  static func begin(_ bytes: [UInt8]) {
    let count = min(bytes.count, limit)
    bytes.withUnsafeBufferPointer { from in
      if let base = from.baseAddress { buffer.update(from: base, count: count) }
    }
    length.store(count, ordering: .relaxed)
    number.add(1, ordering: .relaxed)
  }

  static func end() { isOver.store(true, ordering: .relaxed) }

  /// Ends the program where something does not hold for the current input.
  static func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
    guard !holds else { return }
    print(otherwise())
    fflush(nil)
    tell("on:\n")
    _exit(1)
  }

  /// Async-signal-safe.
  private static func tell(_ words: StaticString) {
    _ = write(2, words.utf8Start, words.utf8CodeUnitCount)
    _ = write(2, buffer, length.load(ordering: .relaxed))
    _ = write(2, "\n", 1)
  }
}

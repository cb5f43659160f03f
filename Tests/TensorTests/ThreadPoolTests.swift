import Synchronization
import Testing

@testable import Tensor

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 5])
  func everyTaskRunsOnce(threads: Int) {
    let pool = ThreadPool(count: threads)
    for tasks in [0, 1, 2, 7, 1000] {
      for _ in 0..<20 {
        let counts = (0..<tasks).map { _ in Counter() }
        pool.run(tasks) { task, worker in
          counts[task].value.add(1, ordering: .relaxed)
          if worker < 0 || worker >= threads { counts[task].value.add(100, ordering: .relaxed) }
        }
        #expect(counts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
      }
    }
  }

  @Test func callersTakeTurns() async {
    let pool = ThreadPool(count: 3)
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            pool.run(10) { _, _ in total.value.add(1, ordering: .relaxed) }
          }
        }
      }
    }
    #expect(total.value.load(ordering: .relaxed) == 8 * 50 * 10)
  }

  /// A task's own jobs run on its thread, and all of them before it ends.
  @Test(arguments: [1, 2, 5])
  func jobsWithinTasks(threads: Int) {
    let pool = ThreadPool(count: threads)
    let total = Counter()
    pool.spread(40) { _, worker in
      #expect(pool.current == worker)
      pool.run(7) { _, inner in
        total.value.add(inner == worker ? 1 : 1000, ordering: .relaxed)
      }
    }
    #expect(pool.current == nil)
    #expect(total.value.load(ordering: .relaxed) == 40 * 7)
  }

  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }
}

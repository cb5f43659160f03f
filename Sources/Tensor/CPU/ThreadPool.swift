import CCPU
import Glibc
import Synchronization

/// A fixed set of threads that share out numbered tasks.
///
/// Tasks go to whoever is free, so they must not depend on each other; as long as each writes its own part of the
/// result, the result is the same whatever the number of threads. Workers spin for a moment after a job, because the
/// next one usually follows at once, and then sleep.
final class ThreadPool: @unchecked Sendable {
  /// Threads in all, the calling one included.
  let count: Int

  /// Rounds of spinning before a thread goes to sleep: some tens of microseconds.
  private static let spins = 2_000

  /// Task and worker, in that order. Worker 0 is the calling thread.
  typealias Body = (Int, Int) -> Void

  /// Held by the thread whose job runs.
  private let owner = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var threads: [pthread_t] = []

  private var body: Body?
  private var tasks = 0
  /// Tasks not handed out yet; below zero when workers found none. Written by the owner only when nothing runs.
  private let ticket = Atomic<Int>(0)
  private let finished = Atomic<Int>(0)
  private let generation = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  /// Whether the owner sleeps until the last task is finished.
  private let waiting = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  /// Where a thread keeps its worker's number, plus one, while it runs a task.
  private let key: pthread_key_t

  init(count: Int) {
    self.count = max(count, 1)
    var key = pthread_key_t()
    // Without one of the few keys that a process has, nothing tells a task's own jobs from others'.
    precondition(pthread_key_create(&key, nil) == 0, "no thread key left")
    self.key = key
    pthread_mutex_init(owner, nil)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    pthread_cond_init(done, nil)
  }

  deinit {
    stopping.store(true, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for thread in threads { pthread_join(thread, nil) }
    pthread_key_delete(key)
    pthread_cond_destroy(wake)
    pthread_cond_destroy(done)
    pthread_mutex_destroy(mutex)
    pthread_mutex_destroy(owner)
    wake.deallocate()
    done.deallocate()
    mutex.deallocate()
    owner.deallocate()
  }

  /// The worker whose task the calling thread runs, inside `spread`.
  var current: Int? {
    let value = Int(bitPattern: pthread_getspecific(key))
    return value > 0 ? value - 1 : nil
  }

  /// Runs `body` like `run`, where tasks may run jobs of their own: each does so on its own thread.
  func spread(_ tasks: Int, _ body: Body) {
    run(tasks) { task, worker in
      pthread_setspecific(key, UnsafeRawPointer(bitPattern: worker + 1))
      body(task, worker)
      pthread_setspecific(key, nil)
    }
  }

  /// Runs `body` for each task in `0..<tasks`, on all threads, and waits. One job at a time: a second caller waits. Within
  /// a task of `spread`, on the thread of that task.
  func run(_ tasks: Int, _ body: Body) {
    guard tasks > 0 else { return }
    if let worker = current {
      for task in 0..<tasks { body(task, worker) }
      return
    }
    pthread_mutex_lock(owner)
    defer { pthread_mutex_unlock(owner) }
    if count == 1 || tasks == 1 {
      for task in 0..<tasks { body(task, 0) }
      return
    }
    if threads.isEmpty { start() }
    withoutActuallyEscaping(body) { body in
      self.body = body
      self.tasks = tasks
      finished.store(0, ordering: .relaxed)
      ticket.store(tasks, ordering: .releasing)
      generation.add(1, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
      }
      work(worker: 0)
      wait(for: tasks)
      self.body = nil
    }
  }

  /// Takes tasks until there are none. A ticket above zero guarantees that the job is still the current one.
  private func work(worker: Int) {
    while true {
      let left = ticket.subtract(1, ordering: .acquiringAndReleasing).oldValue
      guard left > 0 else { return }
      let total = tasks
      perform(total - left, worker)
      if finished.add(1, ordering: .sequentiallyConsistent).newValue == total,
        waiting.load(ordering: .sequentiallyConsistent)
      {
        pthread_mutex_lock(mutex)
        pthread_cond_signal(done)
        pthread_mutex_unlock(mutex)
      }
    }
  }

  /// Waits until `tasks` tasks are finished: spinning first, then asleep, since a worker may have been put aside by the
  /// system in the middle of a task.
  private func wait(for tasks: Int) {
    for _ in 0..<Self.spins {
      if finished.load(ordering: .acquiring) == tasks { return }
      olv_cpu_pause()
    }
    pthread_mutex_lock(mutex)
    waiting.store(true, ordering: .sequentiallyConsistent)
    while finished.load(ordering: .sequentiallyConsistent) < tasks {
      pthread_cond_wait(done, mutex)
    }
    waiting.store(false, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  /// Runs one task. A function of its own, so that no reference to the job's closure outlives the call: once the last
  /// task is counted as finished, the closure's frame may be gone.
  @inline(never)
  private func perform(_ task: Int, _ worker: Int) {
    body?(task, worker)
  }

  /// A worker thread's start: the pool, unowned, and its number.
  private final class Start {
    unowned(unsafe) let pool: ThreadPool
    let worker: Int
    init(_ pool: ThreadPool, _ worker: Int) {
      self.pool = pool
      self.worker = worker
    }
  }

  private func start() {
    for worker in 1..<count {
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(Start(self, worker))
      let failed = pthread_create(
        &thread, nil,
        { raw in
          guard let raw else { return nil }
          let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
          start.pool.serve(worker: start.worker)
          return nil
        }, argument.toOpaque())
      if failed != 0 {
        // Fewer threads do the same work.
        argument.release()
        break
      }
      threads.append(thread)
    }
  }

  private func serve(worker: Int) {
    // SIGINT belongs to the main thread.
    var signals = sigset_t()
    sigfillset(&signals)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var seen = 0
    while true {
      var spins = 0
      while generation.load(ordering: .acquiring) == seen
        && !stopping.load(ordering: .relaxed)
      {
        if spins < Self.spins {
          olv_cpu_pause()
          spins += 1
          continue
        }
        pthread_mutex_lock(mutex)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen
          && !stopping.load(ordering: .sequentiallyConsistent)
        {
          pthread_cond_wait(wake, mutex)
        }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
      }
      if stopping.load(ordering: .sequentiallyConsistent) { return }
      seen = generation.load(ordering: .acquiring)
      work(worker: worker)
    }
  }
}

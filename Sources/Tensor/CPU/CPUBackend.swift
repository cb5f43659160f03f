import CPUKernels
import Glibc
import Runtime
import Synchronization

/// The backend that runs on the processor: matrix products through oneDNN or OpenBLAS, everything else in SIMD kernels
/// compiled for three processor levels, on all cores.
///
/// - Guarantee: the same operation on the same bytes gives the same bytes, whatever ran before and whichever thread ran
///   which part.
public final class CPUBackend: Backend, @unchecked Sendable {
  public let device: Device
  public let activation = DType.f32

  let processor: Processor
  let kernels: any Kernels.Type
  let library: ProductLibrary
  let pool: ThreadPool
  let blocks: BlockPool
  let workspaces: [Workspace]
  let limits: Limits

  /// Bytes of workspaces.
  struct Limits {
    /// Of a panel of converted weights: large enough for efficient products, small enough to stay in the cache.
    var panel = 16 << 20
    /// Of logits that exist at a time, in all.
    var logits = 32 << 20
  }

  /// - Parameters:
  ///   - threads: Threads in all; nil takes `OLV_THREADS`, or every processor the process may use.
  /// - Throws: `MissingLibrary` without OpenBLAS, `UnusableLevel` for an `OLV_CPU_LEVEL` that the machine lacks.
  public convenience init(threads: Int? = nil) throws {
    try self.init(threads: threads, limits: Limits())
  }

  init(threads: Int?, limits: Limits) throws {
    let (processor, library) = (try Processor.chosen(), try ProductLibrary.shared())
    let kernels = processor.kernels
    let wanted = threads ?? getenv("OLV_THREADS").flatMap { Int(String(cString: $0)) }
    let count = min(max(wanted ?? processor.cores, 1), 1024)
    self.processor = processor
    self.library = library
    self.kernels = kernels
    self.limits = limits
    pool = ThreadPool(count: count)
    blocks = BlockPool(limit: processor.memory / 4)
    workspaces = (0..<count).map { _ in Workspace(kernels, library) }
    device = Device(kind: .cpu, name: processor.name, memory: processor.memory)
  }

  public func operand(_ precision: Precision) -> DType { factorType(precision) }

  public func supports(_ precision: Precision) -> Bool {
    precision == .f32 || (processor.bf16 && library.hasOneDNN)
  }

  /// How many sequences go side by side, and so where sums are cut, depends on the number of threads.
  public var arithmetic: String {
    "cpu \(processor.name), x86-64-v\(processor.level), \(library.hasOneDNN ? "oneDNN" : "OpenBLAS"), "
      + "\(pool.count) threads"
  }

  /// The type of the factors of products in `precision`: f32 where bf16 is not supported.
  func factorType(_ precision: Precision) -> DType {
    precision == .bf16 && supports(.bf16) ? .bf16 : .f32
  }

  /// Threads that share an operation: one within a task of `concurrently`.
  var threads: Int { pool.current == nil ? pool.count : 1 }

  public var lanes: Int { pool.count }

  public func concurrently(_ tasks: Int, _ body: (Int) throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    pool.spread(tasks) { task, _ in
      if Interrupt.isPending || failure.withLock({ $0 != nil }) { return }
      do {
        try body(task)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    try Interrupt.check()
  }

  /// Shares out `tasks` independent pieces of work. The body gets the task and the workspace of the thread it runs on.
  func parallel(_ tasks: Int, _ body: (Int, Workspace) -> Void) {
    pool.run(tasks) { task, worker in body(task, workspaces[worker]) }
  }

  /// The same for work that may take long, between whose tasks an interrupt ends it.
  ///
  /// - Throws: `Cancelled`; results are then incomplete.
  func parallelSteps(_ tasks: Int, _ body: (Int, Workspace) -> Void) throws {
    parallel(tasks) { task, workspace in
      if !Interrupt.isPending { body(task, workspace) }
    }
    try Interrupt.check()
  }

  /// Shares out `count` rows that cost about `width` element operations each, in ranges large enough to be worth it.
  func parallelRows(_ count: Int, width: Int, _ body: (Range<Int>, Workspace) -> Void) {
    let smallest = max(1, 16_384 / max(width, 1))
    let tasks = max(1, min(threads * 4, count / smallest))
    parallel(tasks) { task, workspace in
      body(count * task / tasks..<count * (task + 1) / tasks, workspace)
    }
  }
}

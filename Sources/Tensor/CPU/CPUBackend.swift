import CPUKernels
import Glibc

/// The backend that runs on the processor: matrix products through OpenBLAS or oneDNN, everything else in SIMD kernels
/// compiled for three processor levels, on all cores.
///
/// - Guarantee: the same operation on the same bytes gives the same bytes, on any number of threads.
public final class CPUBackend: Backend, @unchecked Sendable {
  public let device: Device
  public let activation = DType.f32

  let processor: Processor
  let kernels: any Kernels.Type
  let pool: ThreadPool
  let blocks: BlockPool
  let workspaces: [Workspace]

  /// - Parameters:
  ///   - threads: Threads in all; nil takes `OLV_THREADS`, or every processor the process may use.
  public init(threads: Int? = nil) throws {
    processor = Processor.detect()
    kernels = processor.kernels
    let wanted = threads ?? getenv("OLV_THREADS").flatMap { Int(String(cString: $0)) }
    let count = min(max(wanted ?? processor.cores, 1), 1024)
    pool = ThreadPool(count: count)
    blocks = BlockPool(limit: processor.memory / 4)
    workspaces = (0..<count).map { _ in Workspace() }
    device = Device(kind: .cpu, name: processor.name, memory: processor.memory)
  }

  public func supports(_ precision: Precision) -> Bool { precision == .f32 }

  /// Shares out `tasks` independent pieces of work. The body gets the task and the workspace of the thread it runs on.
  func parallel(_ tasks: Int, _ body: (Int, Workspace) -> Void) {
    pool.run(tasks) { task, worker in body(task, workspaces[worker]) }
  }

  /// Shares out `count` rows that cost about `width` element operations each, in ranges large enough to be worth it.
  func parallelRows(_ count: Int, width: Int, _ body: (Range<Int>, Workspace) -> Void) {
    let smallest = max(1, 16_384 / max(width, 1))
    let tasks = max(1, min(pool.count * 4, count / smallest))
    parallel(tasks) { task, workspace in
      body(count * task / tasks..<count * (task + 1) / tasks, workspace)
    }
  }
}

/// Scratch memory of one thread, grown as needed and kept.
final class Workspace: @unchecked Sendable {
  private var buffers: [UnsafeMutableRawPointer?] = Array(repeating: nil, count: 8)
  private var sizes = Array(repeating: 0, count: 8)

  deinit { for buffer in buffers { free(buffer) } }

  /// At least `count` elements; what buffer `slot` held before is gone.
  func buffer<Element: BitwiseCopyable>(_ slot: Int, _ count: Int, of type: Element.Type)
    -> UnsafeMutablePointer<Element>
  {
    let bytes = max(count * MemoryLayout<Element>.stride, 64)
    if sizes[slot] < bytes {
      free(buffers[slot])
      let size = BlockPool.sizeClass(bytes)
      var block: UnsafeMutableRawPointer?
      // Tiles are small; a system without memory for one cannot go on.
      precondition(posix_memalign(&block, 64, size) == 0, "out of memory")
      buffers[slot] = block
      sizes[slot] = size
    }
    return buffers[slot].unsafelyUnwrapped.assumingMemoryBound(to: type)
  }

  func floats(_ slot: Int, _ count: Int) -> UnsafeMutablePointer<Float> {
    buffer(slot, count, of: Float.self)
  }
}

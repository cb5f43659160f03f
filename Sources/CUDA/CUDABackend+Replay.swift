import CCUDA
import Tensor

extension CUDABackend: ReplayingBackend {
  public func record(_ body: () throws -> Tensor) throws -> any Recording {
    // The first run compiles and loads what it needs, which a recording must not.
    _ = try body()
    try driver.wait("record")
    times?.isPaused.store(true, ordering: .relaxed)
    defer { times?.isPaused.store(false, ordering: .relaxed) }
    let arena = memory.openArena()
    var isOpen = true
    defer { if isOpen { memory.close(arena, keeping: false) } }
    // 2: other threads may go on calling the driver.
    try driver.check(
      driver.table.capture_begin(driver.stream, 2), "cuStreamBeginCapture", "record")
    let output: Tensor
    var graph: olv_handle?
    do { output = try body() } catch {
      _ = driver.table.capture_end(driver.stream, &graph)
      if graph != nil { _ = driver.table.graph_destroy(graph) }
      throw error
    }
    try driver.check(
      driver.table.capture_end(driver.stream, &graph), "cuStreamEndCapture", "record")
    defer { _ = driver.table.graph_destroy(graph) }
    var executable: olv_handle?
    try driver.check(
      driver.table.graph_instantiate(&executable, graph, 0), "cuGraphInstantiate", "record")
    isOpen = false
    memory.close(arena, keeping: true)
    return GraphRecording(output, executable, arena, self)
  }

  public func write(_ integers: [Int32], into target: Tensor) throws {
    try require(
      target.dtype == .i32 && target.count == integers.count && target.isContiguous, "write",
      expected: "i32 [\(integers.count)]", found: target.summary)
    try check(target, "write", "the target")
    try driver.enter("write")
    try integers.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try upload(base, bytes.count, to: target.address, "write")
    }
  }

  public func embedding(_ table: Tensor, at ids: Tensor) throws -> Tensor {
    let name = "embedding"
    try check(table, name, "table", rows: nil, columns: nil)
    try check(ids, name, "ids")
    try check(ids, name, "ids", .i32)
    let y = try make([ids.count, table.columns], .bf16)
    try launch(
      .embedding, "embedding", grid: Extent(ids.count),
      block: Extent(min(1024, max(32, (table.columns / 8 + 31) / 32 * 32))), early: true, table,
      table.stride, table.dtype.code, ids, y, Int32(table.columns))
    return y
  }
}

extension KernelSource {
  static let largest = KernelSource("largest", PackageResources.largest_cu)
}

extension CUDABackend {
  public func advance(_ inputs: Tensor, by scores: Tensor, history: Tensor) throws {
    let name = "advance"
    for (tensor, what) in [(inputs, "inputs"), (history, "history")] {
      try check(tensor, name, what)
      try check(tensor, name, what, .i32)
    }
    try check(scores, name, "scores", rows: 1, columns: nil)
    try launch(
      .largest, "advance", grid: 1, block: 1024, early: true, scores, scores.dtype.code,
      Int32(scores.columns), inputs, history)
  }
}

/// A graph of launches, and the memory that they work in.
private final class GraphRecording: Recording {
  let output: Tensor
  private let executable: olv_handle?
  private let arena: MemoryArena
  private let backend: CUDABackend

  init(
    _ output: Tensor, _ executable: olv_handle?, _ arena: MemoryArena, _ backend: CUDABackend
  ) {
    (self.output, self.executable, self.arena, self.backend) = (
      output, executable, arena, backend
    )
  }

  deinit {
    try? backend.driver.wait("record")
    _ = backend.driver.table.graph_executable_destroy(executable)
    backend.memory.close(arena, keeping: false)
  }

  func replay() throws {
    let driver = backend.driver
    try driver.enter("replay")
    try driver.check(
      driver.table.graph_launch(executable, driver.stream), "cuGraphLaunch", "replay")
  }
}

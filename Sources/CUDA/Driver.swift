import CCUDA
import Synchronization

/// A GPU as the driver shows it: one context, one stream on which everything happens in order.
///
/// Calls name the operation on whose behalf they are made, for what is thrown.
final class Driver: @unchecked Sendable {
  let table: olv_driver
  /// The number after `cuda:`.
  let index: Int
  let name: String
  /// Compute capability, 90 for 9.0.
  let capability: Int
  let multiprocessors: Int
  /// Bytes of shared memory that a block may have.
  let sharedMemory: Int
  /// Whether all blocks of a launch can be made to run at once.
  let isCooperative: Bool
  /// Bytes of the second-level cache.
  let cache: Int
  /// Bytes of memory on the card.
  let memory: Int
  let stream: olv_handle?
  /// How often everything asked for was waited for.
  let waits = Atomic(0)
  private let device: Int32
  private let context: olv_handle?

  /// The oldest GPUs that serve: those with bf16 products.
  static let oldestCapability = 80

  /// The first GPU that can be used, or GPU `index`.
  ///
  /// - Throws: `CUDAUnavailable`.
  init(_ table: olv_driver, index wanted: Int?) throws {
    self.table = table
    func check(_ status: Int32, _ call: String) throws {
      guard status == 0 else {
        throw CUDAUnavailable.driverFailed(call: call, error: Self.text(status, table))
      }
    }
    let status = table.`init`(0)
    // 100: the driver is there, but no GPU.
    if status == 100 { throw CUDAUnavailable.noGPU }
    try check(status, "cuInit")
    var count: Int32 = 0
    try check(table.device_count(&count), "cuDeviceGetCount")
    guard count > 0 else { throw CUDAUnavailable.noGPU }
    if let wanted, wanted < 0 || wanted >= Int(count) {
      throw CUDAUnavailable.noSuchGPU(index: wanted, count: Int(count))
    }
    let found = try Self.first(of: wanted.map { [$0] } ?? Array(0..<Int(count)), table)
    (index, device, context, name) = (found.index, found.device, found.context, found.name)
    capability = found.capability
    func attribute(_ number: Int32) throws -> Int {
      var value: Int32 = 0
      try check(table.device_attribute(&value, number, found.device), "cuDeviceGetAttribute")
      return Int(value)
    }
    // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, _L2_CACHE_SIZE, _MAX_SHARED_MEMORY_PER_BLOCK_OPTIN.
    multiprocessors = try attribute(16)
    cache = try attribute(38)
    sharedMemory = try attribute(97)
    // CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH.
    isCooperative = try attribute(95) != 0
    var bytes = 0
    try check(table.device_memory(&bytes, found.device), "cuDeviceTotalMem")
    memory = bytes
    var stream: olv_handle?
    // 1: does not wait for the default stream.
    try check(table.stream_create(&stream, 1), "cuStreamCreate")
    self.stream = stream
  }

  private struct Opened {
    var index: Int
    var device: Int32
    var context: olv_handle?
    var name: String
    var capability: Int
  }

  /// The first of the GPUs that can be used; where none can, why not the first of them.
  private static func first(of indices: [Int], _ table: olv_driver) throws -> Opened {
    var failure: CUDAUnavailable?
    for index in indices {
      do { return try open(table, index) } catch let unavailable as CUDAUnavailable {
        failure = failure ?? unavailable
      }
    }
    throw failure ?? CUDAUnavailable.noGPU
  }

  private static func open(_ table: olv_driver, _ index: Int) throws -> Opened {
    func check(_ status: Int32, _ call: String) throws {
      guard status == 0 else {
        throw CUDAUnavailable.driverFailed(call: call, error: text(status, table))
      }
    }
    var device: Int32 = 0
    try check(table.device_get(&device, Int32(index)), "cuDeviceGet")
    var letters = [CChar](repeating: 0, count: 256)
    try check(table.device_name(&letters, 255, device), "cuDeviceGetName")
    let name = textOfC(letters)
    var (major, minor): (Int32, Int32) = (0, 0)
    try check(table.device_attribute(&major, 75, device), "cuDeviceGetAttribute")
    try check(table.device_attribute(&minor, 76, device), "cuDeviceGetAttribute")
    let capability = Int(major) * 10 + Int(minor)
    guard capability >= oldestCapability else {
      throw CUDAUnavailable.unsupportedGPU(
        name: name, capability: "\(major).\(minor)",
        needed: "\(oldestCapability / 10).\(oldestCapability % 10)")
    }
    var context: olv_handle?
    let status = table.context_retain(&context, device)
    // 46 and 101: another process has the GPU for itself.
    if status == 46 || status == 101 { throw CUDAUnavailable.busy(name: name) }
    try check(status, "cuDevicePrimaryCtxRetain")
    try check(table.context_set(context), "cuCtxSetCurrent")
    return Opened(
      index: index, device: device, context: context, name: name, capability: capability)
  }

  deinit {
    _ = table.context_set(context)
    _ = table.stream_destroy(stream)
    _ = table.context_release(device)
  }

  static func text(_ status: Int32, _ table: olv_driver) -> String {
    var (name, words): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (nil, nil)
    _ = table.error_name(status, &name)
    _ = table.error_text(status, &words)
    let texts = [name, words].compactMap { $0.map { String(cString: $0) } }
    return texts.isEmpty ? "error \(status)" : texts.joined(separator: ": ")
  }

  /// Throws unless the status of a call is success.
  func check(_ status: Int32, _ call: String, _ operation: String) throws {
    if status == 0 { return }
    throw CUDACallFailed(
      operation: operation, call: call, error: Self.text(status, table), code: status)
  }

  /// Makes the context current on this thread, whichever it is.
  func enter(_ operation: String) throws {
    try check(table.context_set(context), "cuCtxSetCurrent", operation)
  }

  /// Waits until everything asked of the GPU is done; an error of any of it shows here.
  func wait(_ operation: String) throws {
    try enter(operation)
    try check(table.stream_wait(stream), "cuStreamSynchronize", operation)
    waits.add(1, ordering: .relaxed)
  }

  /// Bytes that are free on the card, whoever uses the rest.
  func freeMemory(_ operation: String) throws -> Int {
    try enter(operation)
    var (free, total) = (0, 0)
    try check(table.memory_info(&free, &total), "cuMemGetInfo", operation)
    return free
  }

  /// What the compiler calls this GPU; with all of its own instructions where it has some.
  var architecture: String { "sm_\(capability)\(capability >= 90 ? "a" : "")" }
}

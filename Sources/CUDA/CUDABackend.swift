import CCUDA
import Glibc
import Runtime
import Synchronization
import Tensor

/// The backend that runs on an NVIDIA GPU: products through cuBLASLt, everything else in kernels of its own, compiled for
/// the card at hand.
///
/// Activations are bf16, sums f32. Calls return before the work is done; `read` waits. An error of the device shows at the
/// next call that waits.
///
/// - Guarantee: the same operations on the same bytes give the same bytes on the same kind of card.
public final class CUDABackend: MeasuredBackend, @unchecked Sendable {
  public let device: Device
  public let activation = DType.bf16

  let driver: Driver
  let memory: DeviceMemory
  let kernels: KernelLibrary
  let products: Products
  let libraries: Libraries
  /// What is kept on disk for the card.
  let cache: CubinCache
  let copies = WorkingCopies()
  let times: KernelTimes?
  let limits = Limits()
  let attentionState = AttentionState()

  /// Bytes of workspaces.
  struct Limits {
    /// Of logits that exist at a time, as f32.
    var logits = 512 << 20
  }

  /// Opens a GPU.
  ///
  /// - Parameters:
  ///   - index: The N of `cuda:N`; nil takes the first that can be used.
  ///   - environment: `CUDA_HOME`, `CUDA_PATH` and the active Python environment say where libraries may lie;
  ///     `OLV_CUDA_MEMORY`, bytes or a number with MiB or GiB, limits the memory taken; `OLV_CUDA_TIMES` watches kernels.
  /// - Throws: `CUDAUnavailable` with what was searched.
  public convenience init(index: Int? = nil, environment: [String: String]) throws {
    try self.init(
      try Libraries.open(environment: environment), index: index,
      cache: CubinCache(environment: environment),
      limit: environment["OLV_CUDA_MEMORY"].flatMap(Self.bytes),
      times: environment["OLV_CUDA_TIMES"] == nil ? nil : KernelTimes())
  }

  init(
    _ libraries: Libraries, index: Int?, cache: CubinCache, limit: Int? = nil,
    times: KernelTimes? = nil
  ) throws {
    self.libraries = libraries
    self.times = times
    self.cache = cache
    driver = try Driver(libraries.driver, index: index)
    memory = DeviceMemory(driver, limit: limit)
    kernels = KernelLibrary(driver, try Compiler(libraries.compiler), cache)
    products = try Products(libraries.products, driver)
    device = Device(kind: .cuda(driver.index), name: driver.name, memory: memory.limit)
  }

  /// `8GiB`, `512MiB` or plain bytes.
  static func bytes(_ text: String) -> Int? {
    for (suffix, factor) in [("GiB", 1.0 * 0x1p30), ("MiB", 0x1p20), ("", 1)]
    where text.hasSuffix(suffix) {
      guard let number = Double(text.dropLast(suffix.count)), number > 0, number * factor < 0x1p48
      else { return nil }
      return Int(number * factor)
    }
    return nil
  }

  /// The card, and the compiler and library whose code decides about the last bits on it.
  public var arithmetic: String {
    "\(device.name), NVRTC \(kernels.compilerVersion), cuBLASLt \(products.version)"
  }

  /// Both; in f32 at the speed of the card's f32 units.
  public func supports(_ precision: Precision) -> Bool { true }

  public var memoryUse: MemoryUse { memory.use }
  public func takeKernelTimes() -> [(name: String, count: Int, seconds: Double)] {
    times?.take() ?? []
  }
  public func resetMemoryPeak() { memory.resetPeak() }
  public var poisons: Bool {
    get { memory.poisons }
    set { memory.poisons = newValue }
  }

  /// Throws unless `tensor` lies on this device.
  func check(_ tensor: Tensor?, _ operation: String, _ name: String) throws {
    guard let tensor else { return }
    guard let storage = tensor.storage as? DeviceStorage, storage.memory === memory else {
      throw ShapeMismatch(
        operation: operation, expected: "\(name) on \(device)", found: tensor.summary)
    }
  }

  /// Throws unless `tensor` is a matrix of that shape (nil: any) on this device, and of `dtype` where given.
  func check(
    _ tensor: Tensor, _ operation: String, _ name: String, rows: Int?, columns: Int?,
    _ dtype: DType? = nil
  ) throws {
    try require(tensor, operation, name, rows: rows, columns: columns)
    try check(tensor, operation, name)
    if let dtype { try check(tensor, operation, name, dtype) }
  }

  /// Throws unless `tensor` holds elements of `dtype`.
  func check(_ tensor: Tensor, _ operation: String, _ name: String, _ dtype: DType) throws {
    try require(
      tensor.dtype == dtype, operation, expected: "\(name) in \(dtype.rawValue)",
      found: tensor.summary)
  }
}

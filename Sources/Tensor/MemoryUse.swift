/// How much of a device's memory is in use, in bytes.
public struct MemoryUse: Sendable, Hashable {
  /// By tensors, now.
  public var taken = 0
  /// By tensors, at most.
  public var peak = 0
  /// Taken from the driver, free for tensors to come included.
  public var held = 0
  /// Taken from the driver, at most.
  public var heldPeak = 0

  public init() {}
}

/// A backend that watches its memory.
public protocol MeasuredBackend: Backend {
  var memoryUse: MemoryUse { get }
  /// Lets the peaks begin anew.
  func resetMemoryPeak()
  /// Whether new tensors are filled with NaN, so that what an operation leaves unwritten shows. For tests.
  var poisons: Bool { get set }
  /// How long each kernel took since the last call, where the backend was asked to watch.
  func takeKernelTimes() -> [(name: String, count: Int, seconds: Double)]
}

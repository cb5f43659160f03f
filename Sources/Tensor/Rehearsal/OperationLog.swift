/// What a stage of a rehearsal asked of the device.
public struct OperationLog: Sendable {
  public var counts: [Operation: Int] = [:]
  /// Bytes held at most while it ran.
  public var peakMemory = 0
  /// Seconds that the host worked between operations: on its own, and in asking for the next one.
  public var hostSeconds = 0.0
  public var askingSeconds = 0.0

  public init() {}

  public var flops: Double { counts.reduce(0) { $0 + $1.key.flops * Double($1.value) } }
  public var bytes: Double { counts.reduce(0) { $0 + $1.key.bytes * Double($1.value) } }
}

import Glibc

/// The memory that this process holds.
public struct ProcessMemory: Sendable, Hashable {
  /// Bytes of its own.
  public var anonymous = 0
  /// Bytes of files that are mapped and in memory.
  public var mapped = 0
  /// Both, at most since `resetPeak`.
  public var peak = 0

  /// What the program itself and its libraries take of mapped files, at most.
  public static let program = 160 << 20

  /// As the system says; zeros where it does not.
  public static var now: ProcessMemory {
    var memory = ProcessMemory()
    guard let text = try? FileBytes.read("/proc/self/status", limit: 1 << 16) else { return memory }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard parts.count >= 2, let kilobytes = Int(parts[1]) else { continue }
      switch parts[0] {
      case "RssAnon:": memory.anonymous = kilobytes << 10
      case "RssFile:": memory.mapped = kilobytes << 10
      case "VmHWM:": memory.peak = kilobytes << 10
      default: break
      }
    }
    return memory
  }

  /// Lets the peak begin anew.
  public static func resetPeak() {
    let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var digit = UInt8(ascii: "5")
    _ = write(descriptor, &digit, 1)
  }
}

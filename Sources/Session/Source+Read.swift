import Glibc
import Language
import Runtime

extension Source {
  /// A script's file.
  ///
  /// - Throws: `UnreadableScript` where it cannot be read, or is larger than any script.
  public convenience init(path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw UnreadableScript(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    self.init(name: path, bytes: try readScript(path, descriptor))
  }

  /// All that comes from standard input.
  ///
  /// - Throws: `UnreadableScript`, and `Cancelled`.
  public static func standardInput() throws -> Source {
    Source(name: "<stdin>", bytes: try readScript("<stdin>", 0))
  }
}

/// A script that cannot be read.
public struct UnreadableScript: Failure {
  public var path: String
  public var reason: String
  public var message: String { "cannot read `\(path)`: \(reason)" }
}

/// The bytes of a file that should be a script; not for data.
private func readScript(_ path: String, _ descriptor: Int32) throws -> [UInt8] {
  let limit = 16 << 20
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count == 0 { return bytes }
    guard count > 0 else {
      if errno == EINTR {
        try Interrupt.check()
        continue
      }
      throw UnreadableScript(path: path, reason: String(cString: strerror(errno)))
    }
    bytes += chunk[..<count]
    guard bytes.count <= limit else {
      throw UnreadableScript(path: path, reason: "larger than \(limit >> 20) MiB: is it a script?")
    }
  }
}

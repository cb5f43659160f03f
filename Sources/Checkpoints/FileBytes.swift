import Glibc

/// Small files read whole, and what a folder holds.
public enum FileBytes {
  /// The file's bytes.
  ///
  /// - Throws: `FileFailure`, or `BadCheckpoint` where it is larger than `limit`.
  public static func read(_ path: String, limit: Int = 256 << 20) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure("open", path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileFailure("read", path)
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw BadCheckpoint(path: path, reason: "larger than \(limit) bytes")
      }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  /// Whether `path` is an existing file.
  public static func isFile(_ path: String) -> Bool { mode(path) == S_IFREG }

  /// Whether `path` is an existing folder.
  public static func isFolder(_ path: String) -> Bool { mode(path) == S_IFDIR }

  private static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// The names in a folder, sorted, without `.` and `..`.
  public static func names(in folder: String) throws -> [String] {
    guard let stream = opendir(folder) else { throw FileFailure("list", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

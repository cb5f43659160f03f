import CZlib
import FoundationEssentials
import Glibc
import TestSupport

/// A temporary folder that is removed with the value.
final class Folder {
  let path: String

  init() throws { path = try Shared.temporaryFolder() }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, making the folders it lies in; gives its path.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Array(text.utf8))
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = "\(path)/\(name)"
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    try FileManager.default.createDirectory(
      atPath: parts.dropLast().joined(separator: "/"), withIntermediateDirectories: true)
    try FoundationEssentials.Data(bytes).write(to: URL(filePath: file))
    return file
  }
}

/// Text compressed by zlib as gzip does.
func gzip(_ text: String) -> [UInt8] {
  var input = Array(text.utf8)
  var output = [UInt8](repeating: 0, count: input.count + 1024)
  var stream = z_stream()
  deflateInit2_(
    &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  let made = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      _ = deflate(&stream, Z_FINISH)
      return output.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<made])
}

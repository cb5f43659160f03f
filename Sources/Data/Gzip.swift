import CZlib
import Glibc
import Runtime

/// Gzip files (RFC 1952), several members in a row included.
enum Gzip {
  static let magic: [UInt8] = [0x1F, 0x8B]

  /// What one file may expand to: a few megabytes can ask for gigabytes.
  static let limit = 2 << 30

  /// The decompressed contents of an open file.
  ///
  /// - Throws: `DatasetFailure` for damaged or truncated data, bytes after the end, and more than `limit` of output.
  static func inflate(descriptor: Int32, path: String, limit: Int = limit) throws -> [UInt8] {
    var stream = z_stream()
    // 16 beyond the largest window: gzip headers and checksums.
    guard
      inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw DatasetFailure.unreadable(path: path, reason: "out of memory") }
    defer { inflateEnd(&stream) }

    var output: [UInt8] = []
    var input = [UInt8](repeating: 0, count: 1 << 18)
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    var offset = 0
    var file = stat()
    let size = fstat(descriptor, &file) == 0 ? Int(file.st_size) : nil
    let name = path.split(separator: "/").last.map(String.init) ?? path
    // The file's end tells how much it holds, modulo 4 GiB; nothing expands more than 1032 times.
    var tail = [UInt8](repeating: 0, count: 4)
    if let size, size > 4, pread(descriptor, &tail, 4, off_t(size - 4)) == 4 {
      let told = tail.reversed().reduce(0) { $0 << 8 | Int($1) }
      output.reserveCapacity(min(told, limit, 1032 * size))
    }
    var steps = Steps("read \(name)", of: size, unit: "bytes")
    var status = Z_OK
    func damaged(_ reason: String) -> DatasetFailure {
      .damagedGzip(path: path, offset: offset, reason: reason)
    }

    while true {
      let got = pread(descriptor, &input, input.count, off_t(offset))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else {
        throw DatasetFailure.unreadable(path: path, reason: String(cString: strerror(errno)))
      }
      if got == 0 { break }
      let start = offset
      try input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(got)
        while stream.avail_in > 0 {
          let done = got - Int(stream.avail_in)
          offset = start + done
          if status == Z_STREAM_END {
            // Zero bytes may fill up the last block of a tape or disk; another member may follow.
            if input[done] == 0 {
              stream.next_in += 1
              stream.avail_in -= 1
              continue
            }
            guard input[done] == magic[0] else { throw damaged("there is text after its end") }
            inflateReset(&stream)
          }
          try piece.withUnsafeMutableBufferPointer { piece in
            // All that is ready must be taken before more goes in.
            repeat {
              stream.next_out = piece.baseAddress
              stream.avail_out = UInt32(piece.count)
              status = CZlib.inflate(&stream, Z_NO_FLUSH)
              guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw damaged(stream.msg.map { String(cString: $0) } ?? "zlib error \(status)")
              }
              let made = piece.count - Int(stream.avail_out)
              guard output.count + made <= limit else {
                throw DatasetFailure.tooLarge(
                  path: path, limit: limit, what: "the decompressed text")
              }
              output.append(contentsOf: piece[..<made])
            } while stream.avail_out == 0 && status == Z_OK
          }
        }
      }
      offset = start + got
      try steps.advance(by: got)
    }
    guard status == Z_STREAM_END else { throw damaged("it ends too early") }
    return output
  }
}

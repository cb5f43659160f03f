import Checkpoints
import Runtime

extension ContentStore {
  /// The SHA-256 of a file's bytes, 64 hexadecimal digits. It is computed once and remembered by the file's path, size,
  /// inode and times, so that weights are not read again to find out that they are the same.
  ///
  /// - Throws: `FileFailure`, `Cancelled`.
  public func hash(of file: MappedFile) throws -> String {
    let stamp = try file.stamp()
    let name = "\(folder)/files/\(SHA256.hex(stamp.text))"
    if let bytes = try? FileBytes.read(name, limit: 256), let known = Self.read(bytes) {
      return known
    }
    let hash = try Self.hash(file.bytes)
    // A file that was just written may change again within the clock's tick, and nobody would see it.
    if try stamp == file.stamp(), Self.now - Double(stamp.changed) > 2 {
      try? AtomicFile.write(Self.text(hash), to: name)
    }
    return hash
  }

  /// The same where there may be no store to remember it.
  public static func hash(_ file: MappedFile, rememberedBy store: ContentStore?) throws -> String {
    try store?.hash(of: file) ?? hash(file.bytes)
  }

  /// The hash of large contents, which an interrupt can stop.
  static func hash(_ bytes: UnsafeRawBufferPointer) throws -> String {
    var hash = SHA256()
    let piece = 8 << 20
    var steps = Steps("hash", of: bytes.count, unit: "bytes")
    for start in stride(from: 0, to: bytes.count, by: piece) {
      let end = min(start + piece, bytes.count)
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      try steps.advance(by: end - start)
    }
    return hash.finish()
  }

  /// A hash as it is remembered, with a few digits that tell a torn file.
  private static func text(_ hash: String) -> String { "\(hash) \(SHA256.hex(hash).prefix(8))\n" }

  private static func read(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    let hash = String(text.prefix(64))
    return text == Self.text(hash) ? hash : nil
  }
}

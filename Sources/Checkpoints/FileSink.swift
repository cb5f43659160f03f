import Glibc
import Runtime

/// A new file being written: buffered, every error thrown, flushed to the disk itself before it counts as written.
public final class FileSink {
  public let path: String
  /// -1: nothing is written, only hashed.
  private let descriptor: Int32
  private var hash: SHA256?
  private var buffer: [UInt8] = []
  private var isOpen = true
  /// Bytes taken so far.
  public private(set) var count = 0

  private static let bufferSize = 1 << 20
  /// Bytes handed to the system at once: between two such pieces an interrupt is noticed.
  private static let pieceSize = 8 << 20

  /// Bytes that may still be written, after which the disk counts as full: for tests of what then happens.
  @TaskLocal public static var diskSpace: DiskSpace?

  /// A pretended amount of free space.
  public final class DiskSpace: @unchecked Sendable {
    fileprivate var left: Int
    public init(_ bytes: Int) { left = bytes }
  }

  /// Creates the file, which must not exist.
  ///
  /// - Parameter hashes: Whether `digest` is wanted.
  public init(_ path: String, hashes: Bool = false) throws {
    hash = hashes ? SHA256() : nil
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileFailure("create", path) }
    self.path = path
    buffer.reserveCapacity(FileSink.bufferSize)
  }

  /// A file that is not written: for the hash that it would have.
  init(hashing path: String) {
    self.path = path
    hash = SHA256()
    descriptor = -1
    isOpen = false
  }

  deinit { if isOpen { close(descriptor) } }

  /// The SHA-256 of all bytes, once they are finished; nil where it was not asked for.
  public var digest: String? { hash?.finish() }

  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    count += bytes.count
    if buffer.count + bytes.count <= FileSink.bufferSize {
      buffer.append(contentsOf: bytes)
      return
    }
    try flush()
    if bytes.count < FileSink.bufferSize {
      buffer.append(contentsOf: bytes)
    } else {
      try send(bytes)
    }
  }

  public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Flushes to the disk and closes.
  public func finish() throws {
    try flush()
    buffer = []
    guard isOpen else { return }
    guard fsync(descriptor) == 0 else { throw FileFailure("write", path) }
    isOpen = false
    guard close(descriptor) == 0 else { throw FileFailure("write", path) }
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { try send($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func send(_ bytes: UnsafeRawBufferPointer) throws {
    var place = 0
    while place < bytes.count {
      try Interrupt.check()
      var piece = min(FileSink.pieceSize, bytes.count - place)
      guard descriptor >= 0 else {
        hash?.update(UnsafeRawBufferPointer(rebasing: bytes[place..<place + piece]))
        place += piece
        continue
      }
      if let space = FileSink.diskSpace {
        guard space.left > 0 else { throw FileFailure("write", path, code: ENOSPC) }
        piece = min(piece, space.left)
        space.left -= piece
      }
      let written = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: bytes[place..<place + piece]).baseAddress,
        piece)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileFailure("write", path)
      }
      hash?.update(UnsafeRawBufferPointer(rebasing: bytes[place..<place + written]))
      place += written
    }
  }
}

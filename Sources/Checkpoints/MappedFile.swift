import Glibc
import Synchronization

/// A file in memory, read-only, paged in as it is read.
public final class MappedFile: @unchecked Sendable {
  public let path: String
  public let bytes: UnsafeRawBufferPointer
  private let descriptor: Int32
  private let identity: Identity

  private struct Identity: Equatable {
    var size: Int
    var seconds: Int
    var nanoseconds: Int

    init(_ status: stat) {
      size = Int(status.st_size)
      seconds = Int(status.st_mtim.tv_sec)
      nanoseconds = Int(status.st_mtim.tv_nsec)
    }
  }

  /// The address ranges of all live mappings, so that pages are only ever given back where the file still has them.
  private static let live = Mutex<[Range<UInt>]>([])

  /// - Throws: `FileFailure` where it cannot be opened or mapped, `BadCheckpoint` where it is no regular file.
  public init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure("open", path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let failure = FileFailure("read", path)
      close(descriptor)
      throw failure
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw BadCheckpoint(path: path, reason: "not a regular file")
    }
    let identity = Identity(status)
    if identity.size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      let address = mmap(nil, identity.size, PROT_READ, MAP_PRIVATE, descriptor, 0)
      guard let address, address != MAP_FAILED else {
        let failure = FileFailure("map", path)
        close(descriptor)
        throw failure
      }
      bytes = UnsafeRawBufferPointer(start: address, count: identity.size)
      let start = UInt(bitPattern: address)
      MappedFile.live.withLock { $0.append(start..<start + UInt(identity.size)) }
    }
    self.path = path
    self.descriptor = descriptor
    self.identity = identity
  }

  deinit {
    if let address = bytes.baseAddress {
      let start = UInt(bitPattern: address)
      MappedFile.live.withLock { $0.removeAll { $0.lowerBound == start } }
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
    close(descriptor)
  }

  /// - Throws: `BadCheckpoint` where somebody has written to the file or cut it since it was opened.
  public func verifyUnchanged() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure("read", path) }
    let now = Identity(status)
    guard now == identity else {
      let what =
        now.size == identity.size
        ? "its contents were rewritten"
        : "it had \(identity.size) bytes and now has \(now.size)"
      throw BadCheckpoint(
        path: path, reason: "the file changed while in use: \(what)", help: "load the model again")
    }
  }

  /// What tells the file's content from what it was at other times, without reading it. Of the file that is mapped, even
  /// where another has taken its name since.
  ///
  /// - Throws: `FileFailure`.
  public func stamp() throws -> FileStamp {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure("read", path) }
    var real = path
    if let resolved = realpath(path, nil) {
      real = String(cString: resolved)
      free(resolved)
    }
    return FileStamp(path: real, status)
  }

  /// Gives the whole pages within `memory` back to the system; they are read from the file again when next used.
  /// Memory that is no mapped file is left alone.
  static func release(_ memory: UnsafeRawBufferPointer) {
    guard let base = memory.baseAddress else { return }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let first = UInt(bitPattern: base)
    live.withLock { live in
      guard let range = live.first(where: { $0.contains(first) }) else { return }
      let end = min(first + UInt(memory.count), range.upperBound)
      // The last page of the file counts as whole; pages shared with a neighbour stay.
      let lower = (first + page - 1) / page * page
      let upper = end == range.upperBound ? (end + page - 1) / page * page : end / page * page
      guard upper > lower, let address = UnsafeMutableRawPointer(bitPattern: lower) else { return }
      madvise(address, Int(upper - lower), MADV_DONTNEED)
    }
  }
}

/// A file's name, size, place on disk and times: as long as all are the same, so is what it holds.
public struct FileStamp: Sendable, Equatable {
  /// One line.
  public let text: String
  /// When it last changed, seconds since 1970.
  public let changed: Int

  init(path: String, _ status: stat) {
    let facts: [Int] = [
      Int(status.st_size), Int(truncatingIfNeeded: status.st_ino),
      Int(truncatingIfNeeded: status.st_dev), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
      status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
    ]
    text = facts.map(String.init).joined(separator: " ") + " " + path
    changed = status.st_ctim.tv_sec
  }
}

import Glibc
import Tensor

/// A file without a name, where results wait for their use outside of the memory that a process owns: the system writes
/// their pages out and drops them as it needs. Nothing of it is left when the process ends, however it does.
public final class ScratchFile {
  private let descriptor: Int32
  private var size = 0

  /// A file in `TMPDIR`, or else in `/var/tmp`, which unlike `/tmp` lies on a disk everywhere; nil where none can be made.
  public init?() {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
    descriptor = open(folder, Self.unnamed | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// `O_TMPFILE`, whose definition in C is an expression that is not imported.
  private static let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY

  /// The tensors as parts of the file, in their order; nil where they are in no host memory, or the disk has no room.
  public func take(_ tensors: [Tensor]) -> [Tensor]? {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (size + page - 1) / page * page
    var offsets: [Int] = []
    var end = start
    for tensor in tensors {
      guard tensor.isContiguous, let host = tensor.host else { return nil }
      let place = (end + 63) / 64 * 64
      guard write(UnsafeRawBufferPointer(start: host, count: tensor.byteCount), at: place) else {
        return nil
      }
      offsets.append(place - start)
      end = place + tensor.byteCount
    }
    guard end > start, let mapping = Mapping(descriptor, start: start, count: end - start) else {
      return nil
    }
    size = end
    return zip(tensors, offsets).map { tensor, offset in
      let bytes = UnsafeRawBufferPointer(
        start: mapping.address + offset, count: tensor.byteCount)
      return Tensor(
        BorrowedStorage(bytes, owner: mapping), shape: tensor.shape, dtype: tensor.dtype)
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// A part of the file in memory.
  private final class Mapping {
    let address: UnsafeMutableRawPointer
    private let count: Int

    init?(_ descriptor: Int32, start: Int, count: Int) {
      guard
        let address = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, off_t(start)),
        address != MAP_FAILED
      else { return nil }
      (self.address, self.count) = (address, count)
    }

    deinit { munmap(address, count) }
  }
}

import Glibc
import Tensor

/// What of a checkpoint is in memory. A mapped weight costs memory once it was read; passes over models that are larger
/// than memory give it back block by block.
public enum Residency {
  /// Gives the tensor's pages back to the system where it is part of a mapped file; it can be read again at any time.
  /// Other tensors are left alone.
  public static func release(_ tensor: Tensor) {
    guard let host = tensor.host, tensor.count > 0 else { return }
    let bytes = ((tensor.rows - 1) * tensor.rowStride + tensor.columns) * tensor.dtype.size
    MappedFile.release(UnsafeRawBufferPointer(start: host, count: bytes))
  }

  /// Gives back whatever part of the weight is a mapped file.
  public static func release(_ weight: Weight) {
    switch weight {
    case .dense(let tensor): release(tensor)
    case .packed(let matrix):
      release(matrix.codes)
      release(matrix.scales)
      if let zeros = matrix.zeros { release(zeros) }
    }
  }

  /// Bytes of this process that are in memory now, or nil where the system does not say.
  public static var bytes: Int? { field(1) }

  /// Field `index` of `/proc/self/statm`, in bytes.
  private static func field(_ index: Int) -> Int? {
    guard let text = try? FileBytes.read("/proc/self/statm", limit: 256) else { return nil }
    let parts = String(decoding: text, as: UTF8.self).split(separator: " ")
    guard parts.count > index, let pages = Int(parts[index]) else { return nil }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}

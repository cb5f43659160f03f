import CPUKernels
import Glibc

/// What one thread works with: its kernels, its compiled products, and scratch memory that is grown as needed and kept.
final class Workspace: @unchecked Sendable {
  let kernels: any Kernels.Type
  let library: ProductLibrary
  let products = ProductCache()
  static let slots = 16
  private var buffers: [UnsafeMutableRawPointer?] = Array(repeating: nil, count: Workspace.slots)
  private var sizes = Array(repeating: 0, count: Workspace.slots)

  init(_ kernels: any Kernels.Type, _ library: ProductLibrary) {
    self.kernels = kernels
    self.library = library
  }

  deinit { for buffer in buffers { free(buffer) } }

  /// Room for `count` elements; what buffer `slot` held before is gone. The last two slots belong to `multiply`.
  func buffer<Element: BitwiseCopyable>(_ slot: Int, _ count: Int, of type: Element.Type)
    -> UnsafeMutablePointer<Element>
  {
    let bytes = max(count * MemoryLayout<Element>.stride, 64)
    if sizes[slot] < bytes {
      free(buffers[slot])
      let size = BlockPool.sizeClass(bytes)
      var block: UnsafeMutableRawPointer?
      // Tiles are small; a system without memory for one cannot go on.
      precondition(posix_memalign(&block, 4096, size) == 0, "out of memory")
      buffers[slot] = block
      sizes[slot] = size
    }
    return buffers[slot].unsafelyUnwrapped.assumingMemoryBound(to: type)
  }

  func floats(_ slot: Int, _ count: Int) -> UnsafeMutablePointer<Float> {
    buffer(slot, count, of: Float.self)
  }

  func halves(_ slot: Int, _ count: Int) -> UnsafeMutablePointer<UInt16> {
    buffer(slot, count, of: UInt16.self)
  }
}

import Synchronization
import Tensor

/// The attention kernels for one width of heads, and what they ask for.
struct AttentionKernels: Sendable {
  let width: Int
  /// Whether they use the products of four warps that cards of compute capability 9.0 have.
  let isWide: Bool
  let rotate, forward, delta, backwardKeys, backwardQueries: KernelSource

  private init(width: Int, isAligned: Bool, isWide: Bool) {
    (self.width, self.isWide) = (width, isWide)
    let defines = ["WIDTH=\(width)", "ALIGNED=\(isAligned ? 1 : 0)"]
    func source(_ name: String, _ text: [UInt8], _ more: [String] = []) -> KernelSource {
      KernelSource(
        name,
        PackageResources.tensor_core_cuh + PackageResources.attention_tile_cuh
          + (isWide ? PackageResources.wide_products_cuh : []) + text, defines: defines + more)
    }
    rotate = source("rotate", PackageResources.rotate_cu)
    delta = source("attention_delta", PackageResources.attention_delta_cu)
    if isWide {
      forward = source(
        "attention_forward_wide",
        PackageResources.copy_engine_cuh + PackageResources.attention_ring_cuh
          + PackageResources.attention_forward_wide_cu)
      backwardKeys = source(
        "attention_backward_keys_wide", PackageResources.attention_backward_keys_wide_cu,
        ["KEY_GROUPS=2"])
      backwardQueries = source(
        "attention_backward_queries_wide", PackageResources.attention_backward_queries_wide_cu)
    } else {
      forward = source("attention_forward", PackageResources.attention_forward_cu)
      backwardKeys = source(
        "attention_backward_keys", PackageResources.attention_backward_keys_cu, ["KEY_WARPS=4"])
      backwardQueries = source(
        "attention_backward_queries", PackageResources.attention_backward_queries_cu)
    }
  }

  private static let known = Mutex<[[Int]: AttentionKernels]>([:])

  /// The kernels for heads of `width` on a card of `capability`; unaligned tensors are loaded element by element.
  static func of(width: Int, isAligned: Bool, capability: Int) -> AttentionKernels {
    known.withLock { known in
      let isWide = capability == 90 && isAligned && [32, 64, 96, 128].contains(width)
      let key = [width, isAligned ? 1 : 0, isWide ? 1 : 0]
      if let found = known[key] { return found }
      let kernels = AttentionKernels(width: width, isAligned: isAligned, isWide: isWide)
      known[key] = kernels
      return kernels
    }
  }

  // MARK: Blocks

  /// Columns of a tile in shared memory.
  private var columns: Int { (width + 15) / 16 * 16 }
  /// Queries that a block takes, forward or backward.
  var rows: Int { columns <= 128 ? 128 : 64 }
  /// Keys that a block of the backward takes.
  var keys: Int { isWide ? 128 : 64 }
  /// Threads of a block that takes queries, backward; forward too, but where wide four warps more bring tiles.
  var rowThreads: Int { isWide ? 256 : 128 }
  var forwardThreads: Int { isWide ? 384 : 128 }
  var keyThreads: Int { isWide ? 256 : 128 }

  /// Columns of a tile that lie together, where wide.
  var chunk: Int { width % 64 == 0 ? 64 : 32 }

  // Bytes of shared memory: tiles, of which those that stream past are there twice in the backward, and three times where
  // wide; the sums and means of as many blocks of 64 queries; what is lost to alignment. Forward, where wide, two tiles of
  // each kind, and barriers.
  private func bytes(rows count: Int) -> Int {
    isWide ? count * width * 2 + 1024 : count * (columns + 8) * 2
  }
  var forwardShared: Int { isWide ? bytes(rows: 6 * 128) + 12 * 8 : bytes(rows: rows + 2 * 64) }
  var keysShared: Int { bytes(rows: 2 * keys + 2 * stages * 64) + 2 * stages * 64 * 4 }
  var queriesShared: Int { bytes(rows: 2 * rows + (isWide ? 2 * stages * 64 : 4 * 32)) }
  private var stages: Int { isWide ? 3 : 2 }
}

extension Tensor {
  /// Whether every row starts at a multiple of 16 bytes.
  var isAligned: Bool { address % 16 == 0 && (rows <= 1 || rowStride * dtype.size % 16 == 0) }
}

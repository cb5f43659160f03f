import CCUDA
import Tensor

/// How the tensor copy engine (compute capability 9.0 and up) sees memory: `Map` of copy_engine.cuh.
struct TensorMap {
  let argument: KernelBytes

  /// - Parameters:
  ///   - type: CUtensorMapDataType: 0 for bytes, 9 for bf16.
  ///   - sizes: Elements of each dimension, the one that runs fastest first.
  ///   - strides: Bytes from one to the next of each but the first dimension.
  ///   - box: What one copy takes.
  ///   - swizzle: CUtensorMapSwizzle: 0 for none, 2 for rows of 64 bytes, 3 for those of 128.
  init(
    at address: UInt64, type: Int32, sizes: [UInt64], strides: [UInt64], box: [UInt32],
    swizzle: Int32, _ driver: Driver, _ operation: String
  ) throws {
    argument = KernelBytes(
      bytes: try withUnsafeTemporaryAllocation(byteCount: 128, alignment: 64) { space in
        guard let map = space.baseAddress,
          let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
        else { return [] }
        let steps = [UInt32](repeating: 1, count: sizes.count)
        // 3: what is near is brought along, 256 bytes at a time. Beyond the ends there are zeros.
        try driver.check(
          driver.table.tensor_map_tiled(
            map, type, UInt32(sizes.count), pointer, sizes, strides, box, steps, 0, swizzle, 3, 0),
          "cuTensorMapEncodeTiled", operation)
        return Array(space)
      })
  }

  /// A bf16 matrix of heads side by side, of which a copy takes 128 rows of one head, as attention's kernels want tiles.
  init(headsOf matrix: Tensor, _ kernels: AttentionKernels, _ driver: Driver, _ operation: String)
    throws
  {
    let chunk = kernels.chunk
    try self.init(
      at: matrix.address, type: 9,
      sizes: [UInt64(chunk), UInt64(matrix.rows), UInt64(matrix.columns / chunk)],
      strides: [UInt64(matrix.stride * 2), UInt64(chunk * 2)],
      box: [UInt32(chunk), 128, UInt32(kernels.width / chunk)], swizzle: chunk == 64 ? 3 : 2,
      driver, operation)
  }

  /// A bf16 matrix, of which a copy takes `rows` rows of 64 columns, as `wide_products.cuh` wants tiles.
  init(_ matrix: Tensor, rows: Int, _ driver: Driver, _ operation: String) throws {
    try self.init(
      at: matrix.address, type: 9, sizes: [UInt64(matrix.columns), UInt64(matrix.rows)],
      strides: [UInt64(matrix.stride * 2)], box: [64, UInt32(rows)], swizzle: 3, driver, operation)
  }
}

extension Tensor {
  /// Whether the copy engine can take it as a matrix of bf16.
  var isMappable: Bool {
    dtype == .bf16 && rows > 1 && columns % 8 == 0 && rowStride % 8 == 0 && address % 16 == 0
  }
}

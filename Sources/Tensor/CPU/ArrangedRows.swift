import CPUKernels

/// Rows of activations in the form that the rows of a packed matrix are multiplied with.
final class ArrangedRows {
  private let memory: UnsafeMutableRawPointer
  private let columns, groups: Int

  /// Nil where the matrix is not packed, or not in a way that this serves; see `PackedInput.serves`.
  ///
  /// - Parameter x: `n` rows, `stride` floats apart.
  init?(
    _ x: UnsafePointer<Float>, _ n: Int, stride: Int, for source: RowSource,
    _ kernels: any Kernels.Type
  ) {
    guard let row = source.packedRow(0),
      PackedInput.serves(
        bits: row.bits, columns: row.columns, group: row.group, isOrdered: row.groupIndex == nil)
    else { return nil }
    (columns, groups) = (row.columns, row.columns / row.group)
    memory = .allocate(byteCount: n * (columns * 4 + groups * 8), alignment: 64)
    for i in 0..<n { kernels.arrange(x + i * stride, row, self[i]) }
  }

  deinit { memory.deallocate() }

  subscript(_ i: Int) -> PackedInput {
    let place = memory + i * (columns * 4 + groups * 8)
    let steps = (place + columns * 4).assumingMemoryBound(to: Float.self)
    return PackedInput(
      digits: place.assumingMemoryBound(to: Int16.self), steps: steps, sums: steps + groups)
  }
}

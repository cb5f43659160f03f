import CPUKernels

extension CPUBackend {
  /// Rows up to which a layer is bound by reading its weights, so that products in blocks gain nothing.
  static let fewRows = 4

  /// `y = x · Wᵀ + b + scale · (x · Aᵀ) · Bᵀ` for a few rows x `[n, in]`: each weight is read once, as it is stored, and
  /// nothing of the matrix is ever held converted. Sums are f32, and those of a packed row's group whole numbers.
  ///
  /// - Returns: What the backward needs where there is an adapter, laid out for factors of `type`.
  func fewRows(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, type: DType, into y: Tensor
  ) throws -> Tensor? {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    let (source, stride) = (try x.floats(name), x.rowStride)
    let target = try y.floats(name)
    let offsets = try bias?.floats(name)
    let low = try adapter.map { try reduced(x, $0, outputs: outputs) }
    let (lows, scale) = (try low?.floats(name), adapter?.scale ?? 0)
    let rank = low?.columns ?? 0
    let up = try adapter?.b.floats(name)
    let upStride = adapter?.b.rowStride ?? 0
    let rows = try RowSource(weight, name)
    let kernels = kernels
    let arranged = ArrangedRows(source, n, stride: stride, for: rows, kernels)
    parallelRows(outputs, width: inputs) { range, workspace in
      for row in range {
        for i in 0..<n {
          var sum: Float
          if let arranged, let packed = rows.packedRow(row) {
            sum = kernels.dot(packed, arranged[i])
          } else {
            sum = rows.dot(row: row, source + i * stride, kernels, workspace, again: i > 0)
          }
          if let offsets { sum += offsets[row] }
          if let lows, let up {
            sum += scale * kernels.dot(lows + i * rank, up + row * upStride, rank)
          }
          target[i * outputs + row] = sum
        }
      }
    }
    withExtendedLifetime((bias, arranged)) {}
    guard let low, let lows, type != .f32 else { return low }
    let kept = try make([n, inputs + rank], type)
    let halves = try kept.bytes(name).assumingMemoryBound(to: UInt16.self)
    for i in 0..<n { kernels.narrowToBF16(source + i * stride, 1, halves + i * inputs, inputs) }
    kernels.narrowToBF16(lows, 1, halves + n * inputs, n * rank)
    withExtendedLifetime(low) {}
    return kept
  }

  /// `x · Aᵀ`: x `[n, in]` → `[n, rank]`.
  private func reduced(_ x: Tensor, _ adapter: AdapterTerm, outputs: Int) throws -> Tensor {
    let name = "adapter"
    try require(adapter.a, name, "A", rows: adapter.rank, columns: x.columns)
    try require(adapter.b, name, "B", rows: outputs, columns: adapter.rank)
    let low = try make([x.rows, adapter.rank], .f32)
    let (source, down, target) = (
      try x.floats(name), try adapter.a.floats(name), try low.floats(name)
    )
    for i in 0..<x.rows {
      for row in 0..<adapter.rank {
        target[i * adapter.rank + row] = kernels.dot(
          source + i * x.rowStride, down + row * adapter.a.rowStride, x.columns)
      }
    }
    return low
  }
}

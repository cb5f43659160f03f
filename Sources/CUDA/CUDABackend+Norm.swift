import Tensor

extension KernelSource {
  static let rmsNorm = KernelSource("rms_norm", PackageResources.rms_norm_cu)
}

extension Tensor {
  /// Whether eight bf16 neighbours at a multiple of eight columns can be read at once in every row.
  var hasVectors: Bool { columns % 8 == 0 && stride % 8 == 0 && address % 16 == 0 }
}

extension CUDABackend {
  public func rmsNorm(
    _ x: Tensor, adding delta: Tensor?, weight: Tensor, epsilon: Float, as type: DType
  )
    throws -> NormOutput
  {
    let name = "rmsNorm"
    let (n, width) = (x.rows, x.columns)
    try check(x, name, "x", rows: nil, columns: nil, .bf16)
    if let delta { try check(delta, name, "delta", rows: n, columns: width, .bf16) }
    try checkNorm(weight, width, name)
    let sum = try delta == nil ? x : make([n, width], .bf16)
    let y = try make([n, width], .bf16)
    let inverse = try make([n], .f32)
    let rows = RowBlocks(weight, vectors: [x, delta, delta == nil ? nil : sum, y])
    try launch(
      .rmsNorm, rows.usesVectors ? "rms_norm_vectors" : "rms_norm", grid: Extent(n),
      block: rows.block, early: true, x, x.stride, delta, delta?.stride ?? 0, weight,
      weight.dtype.code, epsilon,
      delta == nil ? nil : sum, y, y.stride, inverse, Int32(width))
    return NormOutput(sum: sum, y: y, inverse: inverse)
  }

  public func rmsNormBackward(
    _ dy: Tensor, sum: Tensor, weight: Tensor, inverse: Tensor, adding dSum: Tensor?
  ) throws -> Tensor {
    let name = "rmsNormBackward"
    let (n, width) = (sum.rows, sum.columns)
    try check(sum, name, "sum", rows: nil, columns: nil, .bf16)
    try check(dy, name, "dy", rows: n, columns: width, .bf16)
    if let dSum { try check(dSum, name, "dSum", rows: n, columns: width, .bf16) }
    try require(
      inverse.count == n && inverse.dtype == .f32, name, expected: "inverse f32 [\(n)]",
      found: inverse.summary)
    try check(inverse, name, "inverse")
    try checkNorm(weight, width, name)
    let dx = try make([n, width], .bf16)
    let rows = RowBlocks(weight, vectors: [dy, sum, dSum, dx])
    try launch(
      .rmsNorm, rows.usesVectors ? "rms_norm_backward_vectors" : "rms_norm_backward",
      grid: Extent(n), block: rows.block, dy, dy.stride, sum, sum.stride, weight,
      weight.dtype.code, inverse, dSum, dSum?.stride ?? 0, dx, Int32(width))
    return dx
  }

  private func checkNorm(_ weight: Tensor, _ width: Int, _ name: String) throws {
    try require(
      weight.count == width && weight.isContiguous && weight.dtype.isFloat, name,
      expected: "weight [\(width)]", found: weight.summary)
    try check(weight, name, "weight")
  }
}

/// One block a row, which keeps up to two vectors of eight numbers a thread.
private struct RowBlocks {
  let usesVectors: Bool
  let block: Extent

  init(_ weight: Tensor, vectors: [Tensor?]) {
    let width = weight.count
    usesVectors =
      width <= 16384 && weight.dtype != .f16 && weight.address % 16 == 0
      && vectors.allSatisfy { $0?.hasVectors ?? true }
    let each = width > 8192 ? 16 : 8
    let threads = usesVectors ? (width + each - 1) / each : width
    block = Extent(min(1024, max(32, (threads + 31) / 32 * 32)))
  }
}

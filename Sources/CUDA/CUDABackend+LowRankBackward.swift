import Tensor

extension KernelSource {
  static let lowRankBackward = KernelSource(
    "low_rank_backward_wide",
    PackageResources.tensor_core_cuh + PackageResources.wide_products_cuh
      + PackageResources.copy_engine_cuh + PackageResources.low_rank_backward_wide_cu,
    defines: ["WIDTH=64"])
}

/// How low_rank_backward_wide.cu shares out dy: columns among clusters of two blocks, rows among slices.
struct LowRankBackward {
  private static let (width, step) = (512, 64)
  /// Bytes of shared memory: B, two tiles of dy and of the reduced input, twice what a block is sent of 64 rows, barriers,
  /// what is lost to alignment.
  static let shared = width * 64 * 2 + 2 * step * (width + 64) * 2 + 2 * step * 32 * 4 + 64 + 1024

  let clusters: Int
  let slices: Int
  /// Rows of a slice.
  let slice: Int

  /// Every multiprocessor gets one block, where the rows allow it.
  init(rows: Int, columns: Int, _ driver: Driver) {
    let steps = (rows + Self.step - 1) / Self.step
    clusters = (columns + 2 * Self.width - 1) / (2 * Self.width)
    let wanted = min(steps, max(1, driver.multiprocessors / 2 / clusters))
    let each = (steps + wanted - 1) / wanted
    slice = each * Self.step
    slices = (steps + each - 1) / each
  }
}

extension CUDABackend {
  /// What comes back through an adapter's B, in one pass over dy `[n, out]`: scale · dy·B `[n, rank]`, and the gradient of B
  /// `[out, rank]` in f32. Nil where the kernel does not serve the shape or the card.
  func lowRankBackward(
    _ dy: Tensor, _ term: AdapterFactors, reduced: Tensor, scale: Float, _ name: String
  ) throws -> (low: Tensor, db: Tensor)? {
    let (n, outputs, rank) = (dy.rows, dy.columns, term.rank)
    let kept = term.low(reduced)
    guard driver.capability == 90, rank == 64, n >= WideLinear.leastRows,
      [dy, kept, term.b].allSatisfy(\.isMappable)
    else { return nil }
    let shape = LowRankBackward(rows: n, columns: outputs, driver)
    let lowParts = try make([shape.clusters * n, rank], .f32)
    let parts = try make([shape.slices * outputs, rank], .f32)
    let maps = try [dy, kept, term.b].map { try TensorMap($0, rows: 64, driver, name).argument }
    try launch(
      .lowRankBackward, "low_rank_backward",
      grid: Extent(2 * shape.clusters, shape.slices), block: 256,
      shared: LowRankBackward.shared, maps[0], maps[1], maps[2], lowParts, parts, Int32(n),
      Int32(outputs), Int32(shape.slice))
    let low = try make([n, rank], .bf16)
    let db = try make([outputs, rank], .f32)
    try launch(
      .lowRankBackward, "low_rank_sums", grid: Extent(((n + outputs) * rank / 4 + 255) / 256),
      block: 256, lowParts, Int32(shape.clusters), n * rank, low, parts, Int32(shape.slices),
      outputs * rank, db, scale)
    return (low, db)
  }
}

import Tensor

extension KernelSource {
  static let lora = KernelSource("lora", PackageResources.dropout_cuh + PackageResources.lora_cu)
}

/// An adapter as the products of a linear layer take it.
struct AdapterFactors {
  /// A `[rank, in]`.
  let a: Tensor
  /// scale · B `[out, rank]`.
  let b: Tensor
  let rank: Int
  let mask: RandomStream?
  /// The number that survivors' 15-bit ones reach, once for each of two neighbours.
  let thresholds: UInt32
  /// 1/(1−p), which the masked input still lacks.
  let survivorScale: Float
  /// The kernels that read the input once; nil where they do not serve the shape.
  let form: LowRankForm?

  init(_ term: AdapterTerm, _ inputs: Int, _ outputs: Int, _ type: DType, _ backend: CUDABackend)
    throws
  {
    let name = "adapter"
    rank = term.rank
    try backend.check(term.a, name, "A", rows: rank, columns: inputs, .f32)
    try backend.check(term.b, name, "B", rows: outputs, columns: rank, .f32)
    mask = term.dropout > 0 ? term.mask : nil
    // There is dropout in training only, whose steps end in the optimizer's.
    a = try backend.workingCopy(term.a, type, factor: 1, keep: mask != nil)
    b = try backend.workingCopy(term.b, type, factor: term.scale, keep: mask != nil)
    thresholds = term.dropoutThreshold * 0x1_0001
    survivorScale = term.survivorScale
    form =
      type == .bf16
      ? LowRankForm(
        rank: rank, inputs: inputs, isMasked: mask != nil,
        sharedMemory: backend.driver.sharedMemory) : nil
  }

  /// The mask's key, in halves.
  var key: (low: UInt32, high: UInt32) {
    let key = mask?.key ?? 0
    return (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
  }

  /// Whether a forward product leaves the mask as bits, where there is one.
  var keepsMask: Bool { mask == nil || form != nil }

  /// Columns of what a forward product leaves to the backward one: drop(x)·Aᵀ, and the mask's bits.
  var reducedColumns: Int { rank + (form?.bitColumns ?? 0) }

  /// drop(x)·Aᵀ `[n, rank]` within it.
  func low(_ reduced: Tensor) -> Tensor {
    reducedColumns == rank ? reduced : reduced.columns(0..<rank)
  }
}

extension CUDABackend {
  /// An f32 master, scaled, in the type of its products.
  fileprivate func workingCopy(
    _ master: Tensor, _ type: DType, factor: Float, keep: Bool
  ) throws -> Tensor {
    if type == .f32, factor == 1 { return master }
    if keep, let known = copies.find(master, type, factor: factor) { return known }
    let copy = try make(master.shape, type)
    let tiles = RowTiles(rows: master.rows, columns: master.columns)
    try launch(
      .lora, "working_copy", grid: tiles.grid, block: 256, master, master.stride, copy, type.code,
      Int32(master.columns), tiles.count, factor)
    if keep { copies.keep(copy, of: master, type, factor: factor) }
    return copy
  }
}

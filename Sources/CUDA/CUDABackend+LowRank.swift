import Synchronization
import Tensor

/// The variant of the kernels that multiply by an adapter's A while they mask the input.
struct LowRankForm {
  let source: KernelSource
  let isMasked: Bool
  /// Columns of bf16 that hold a row's mask, one bit a column of the input in runs of 16 bytes; 0 without dropout.
  let bitColumns: Int
  /// Pairs of warps that share out the columns of x.
  let runs: Int

  /// Nil where the kernels do not serve the shape.
  ///
  /// - Parameter sharedMemory: What a block may have, in bytes.
  init?(rank: Int, inputs: Int, isMasked: Bool, sharedMemory: Int) {
    let counts = rank > 64 ? [4, 2] : [8, 4, 2]
    guard Self.gradientShared(rank: rank) <= sharedMemory,
      let runs = counts.first(where: { Self.shared(rank: rank, runs: $0) <= sharedMemory })
    else { return nil }
    self.runs = runs
    guard rank % 16 == 0, (16...128).contains(rank), inputs % 64 == 0 else { return nil }
    self.isMasked = isMasked
    bitColumns = isMasked ? (inputs + 127) / 128 * 8 : 0
    source = Self.source(rank: rank, runs: runs, isMasked: isMasked)
  }

  /// Bytes of shared memory of `low_rank_reduce`.
  static func shared(rank: Int, runs: Int) -> Int { 3 * runs * (64 + rank) * 32 * 2 }

  /// And of `low_rank_gradient`.
  static func gradientShared(rank: Int) -> Int { 3 * 64 * (128 + 8 + rank + 8 + 8) * 2 }

  private static let sources = Mutex<[Int: KernelSource]>([:])

  static func source(rank: Int, runs: Int, isMasked: Bool) -> KernelSource {
    sources.withLock { known in
      let key = (2 * rank + (isMasked ? 1 : 0)) * 8 + runs - 1
      if let found = known[key] { return found }
      let source = KernelSource(
        "low_rank",
        PackageResources.tensor_core_cuh + PackageResources.dropout_cuh
          + PackageResources.low_rank_cu,
        defines: ["RANK=\(rank)", "RUNS=\(runs)", "MASKED=\(isMasked ? 1 : 0)"])
      known[key] = source
      return source
    }
  }
}

/// The products of an adapter whose other factor or result is as large as the layer's input. Each passes over that once,
/// where it can, and drops in passing.
extension CUDABackend {
  /// What the backward products need of the input, `[n, reducedColumns]`: drop(x)·Aᵀ, and which elements survived.
  func reduce(_ x: Tensor, _ term: AdapterFactors, _ name: String) throws -> Tensor {
    let reduced = try make([x.rows, term.reducedColumns], x.dtype)
    let low = term.low(reduced)
    guard let form = term.form else {
      try multiply(
        try masked(x, term, name).factor, term.a.transposed, into: low, alpha: term.survivorScale,
        name)
      return reduced
    }
    let input = x.isAligned ? x : try contiguous(x)
    try launch(
      form.source, "low_rank_reduce", grid: Extent((x.rows + 63) / 64),
      block: Extent(64 * form.runs), shared: LowRankForm.shared(rank: term.rank, runs: form.runs),
      input, input.stride, term.a, low,
      reduced.stride, bits(of: reduced, term), reduced.stride * 2, Int32(x.rows),
      Int32(x.columns), term.key.low, term.key.high, term.thresholds, term.survivorScale)
    return reduced
  }

  /// The gradient of A `[rank, in]`, in f32: `lowᵀ · drop(x)`, low `[n, rank]` being what has come back through B.
  func gradient(
    _ low: Tensor, of x: Tensor, _ term: AdapterFactors, reduced: Tensor, _ name: String
  ) throws -> Tensor {
    let (rank, inputs) = (term.rank, x.columns)
    let result = try make([rank, inputs], .f32)
    guard let form = term.form else {
      try multiply(
        low.transposed, try masked(x, term, name).factor, into: result, alpha: term.survivorScale,
        name)
      return result
    }
    let input = x.isAligned ? x : try contiguous(x)
    let (slice, slices) = slices(rows: x.rows, columns: inputs)
    let parts = slices == 1 ? result : try make([slices * rank, inputs], .f32)
    try launch(
      form.source, "low_rank_gradient", grid: Extent((inputs + 127) / 128, slices), block: 256,
      shared: LowRankForm.gradientShared(rank: rank), low, low.stride, input, input.stride,
      bits(of: reduced, term), reduced.stride * 2, parts,
      Int32(x.rows), Int32(inputs), Int32(slice), term.survivorScale)
    if slices > 1 {
      try launch(
        form.source, "add_slices", grid: Extent((rank * inputs / 4 + 255) / 256), block: 256, parts,
        result, Int32(slices), rank * inputs)
    }
    return result
  }

  /// `target = drop(low · A)`, of any type: what comes back to x `[n, in]` through the adapter.
  func spread(_ low: Tensor, _ term: AdapterFactors, into target: Tensor, _ name: String) throws {
    try multiply(low.factor, term.a.factor, into: target, name)
    if term.mask != nil { try drop(target, into: target, term, factor: term.survivorScale) }
  }

  /// How rows are shared out among the blocks of 128 columns, in whole tiles of 64: enough slices to give every
  /// multiprocessor two blocks.
  private func slices(rows: Int, columns: Int) -> (slice: Int, slices: Int) {
    let (tiles, chunks) = ((columns + 127) / 128, max(1, (rows + 63) / 64))
    let wanted = min(chunks, max(1, 2 * driver.multiprocessors / tiles))
    let slice = (chunks + wanted - 1) / wanted * 64
    return (slice, max(1, (rows + slice - 1) / slice))
  }

  /// What a forward product has left, checked.
  func kept(_ reduced: Tensor?, _ term: AdapterFactors, rows: Int, _ name: String) throws -> Tensor
  {
    guard let reduced else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    try check(
      reduced, name, "reduced", rows: rows, columns: term.reducedColumns, term.a.dtype)
    return reduced
  }

  /// Where the mask's bits begin; nil without dropout.
  func bits(of reduced: Tensor, _ term: AdapterFactors) -> Tensor? {
    term.form?.isMasked == true ? reduced.columns(term.rank..<term.reducedColumns) : nil
  }

  /// A copy whose rows begin at multiples of 16 bytes.
  private func contiguous(_ x: Tensor) throws -> Tensor {
    let copy = try make(x.shape, x.dtype)
    try self.copy(x, into: copy)
    return copy
  }

  /// What of the input survives dropout, not yet scaled.
  private func masked(_ input: Tensor, _ term: AdapterFactors, _ name: String) throws -> Tensor {
    if term.mask == nil { return input }
    let target = try make(input.shape, input.dtype)
    try drop(input, into: target, term, factor: 1)
    return target
  }

  /// `target = source · factor` where an element survives, else 0. Both contiguous but for the source's rows; may be one.
  private func drop(
    _ source: Tensor, into target: Tensor, _ term: AdapterFactors, factor: Float
  ) throws {
    let tiles = RowTiles(rows: source.rows, columns: source.columns)
    try launch(
      .lora, "drop_any", grid: tiles.grid, block: 256, source, source.stride, target,
      source.dtype.code, Int32(source.columns), tiles.count, term.key.low, term.key.high,
      term.thresholds, factor, Float(0))
  }
}

import Tensor

extension CUDABackend {
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput {
    let name = "attention"
    try check(q: q, k: k, v: v, tokens: segments.tokens, shape, name)
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    let tables = try RotaryParameter(rotary, segments: segments, width: width, self, name)
    let kernels = AttentionKernels.of(
      width: width, isAligned: width % 8 == 0 && [q, k, v].allSatisfy(\.isAligned),
      capability: driver.capability)
    let plan = try plan(segments, rotary, kernels, name)
    let keys = try rotated(k, heads: groups, tables, plan, kernels)
    let y = try make([q.rows, heads * width], .bf16)
    let total = try keep ? make([heads, q.rows], .f32) : nil
    let queries = try keep ? make([q.rows, q.columns], .bf16) : nil
    try attend(
      q: q, k: keys, v: v, y: y, total: total, rotated: queries, runs: plan.queries, tables, shape,
      kernels, tokens: q.rows, keyStart: nil, offset: 0)
    guard let total, let queries else { return AttentionOutput(y: y, saved: nil) }
    return AttentionOutput(y: y, saved: AttentionSaved([queries, keys, total]))
  }

  /// The forward kernel. Keys are rotated already; those of a sequence stand beside its queries, or at `keyStart`. Rotated
  /// queries are written to `rotated`.
  func attend(
    q: Tensor, k: Tensor, v: Tensor, y: Tensor, total: Tensor?, rotated: Tensor? = nil,
    runs: Tensor,
    _ tables: RotaryParameter, _ shape: AttentionShape, _ kernels: AttentionKernels, tokens: Int,
    keyStart: Int?, offset: Int
  ) throws {
    let (share, window) = (Int32(shape.heads / shape.keyValueHeads), Int32(shape.window ?? 0))
    if kernels.isWide {
      let name = "attention"
      let maps = try [q, k, v].map { try TensorMap(headsOf: $0, kernels, driver, name).argument }
      try launch(
        kernels.forward, "attention_forward",
        grid: Extent(min(driver.multiprocessors, runs.rows * shape.heads)),
        block: Extent(kernels.forwardThreads), shared: kernels.forwardShared, maps[0], maps[1],
        maps[2], y, y.stride, total, rotated, runs, tables.bytes, Int32(tokens), share, window,
        shape.scale, Int32(keyStart ?? -1), Int32(offset), Int32(shape.heads), Int32(runs.rows))
      return
    }
    try launch(
      kernels.forward, "attention_forward", grid: Extent(runs.rows, shape.heads),
      block: Extent(kernels.forwardThreads), shared: kernels.forwardShared, q, q.stride, k,
      k.stride, v, v.stride, y, y.stride, total, rotated, runs, tables.bytes, Int32(tokens), share,
      window, shape.scale, Int32(keyStart ?? -1), Int32(offset))
  }

  /// `x [n, heads·width]` turned by the position of each token.
  func rotated(
    _ x: Tensor, heads: Int, _ tables: RotaryParameter, _ plan: AttentionPlan,
    _ kernels: AttentionKernels
  ) throws -> Tensor {
    let result = try make([x.rows, x.columns], .bf16)
    try launch(
      kernels.rotate, "rotate", grid: Extent(x.rows), block: 128, x, x.stride, result,
      result.stride, tables.bytes, plan.places, Int32(0), nil as Tensor?, Int32(heads), Int32(0))
    return result
  }

  func plan(
    _ segments: Segments, _ rotary: Rotary, _ kernels: AttentionKernels, _ operation: String
  ) throws -> AttentionPlan {
    try attentionState.plan(
      AttentionPlan.Key(
        segments: segments, threshold: rotary.long == nil ? .max : rotary.threshold,
        rows: kernels.rows, keys: kernels.keys), self, operation)
  }

  func check(
    q: Tensor, k: Tensor, v: Tensor, tokens: Int, _ shape: AttentionShape, _ name: String
  ) throws {
    try require(
      shape.keyValueHeads > 0 && shape.heads % shape.keyValueHeads == 0
        && (1...256).contains(shape.width) && (shape.window ?? 1) > 0, name,
      expected: "heads of up to 256 numbers that key-value heads divide", found: "\(shape)")
    try check(q, name, "q", rows: tokens, columns: shape.heads * shape.width, .bf16)
    try check(k, name, "k", rows: tokens, columns: shape.keyValueHeads * shape.width, .bf16)
    try check(v, name, "v", rows: tokens, columns: shape.keyValueHeads * shape.width, .bf16)
  }
}

/// Rotary tables as kernels take them: `struct Rotary` of attention_tile.cuh.
struct RotaryParameter {
  private struct Layout: BitwiseCopyable {
    var shortCosine, shortSine, longCosine, longSine: UInt64
    var half: Int32
  }

  let bytes: KernelBytes
  /// Of the short table.
  let cosine, sine: Tensor
  var half: Int { cosine.columns }

  /// - Throws: `ShapeMismatch` where a table is shorter than a sequence, or wider than a head.
  init(
    _ rotary: Rotary, segments: Segments, width: Int, _ backend: CUDABackend, _ operation: String
  ) throws {
    let long = rotary.long ?? rotary.short
    for index in 0..<segments.count {
      let length = segments[index].count
      let table = rotary.table(length: length)
      try require(
        length <= table.positions, operation,
        expected: "at most \(table.positions) tokens in a sequence", found: "\(length)")
    }
    for table in [rotary.short, long] {
      let half = table.cosine.columns
      for part in [table.cosine, table.sine] {
        try backend.check(
          part, operation, "angles", rows: table.positions, columns: rotary.short.cosine.columns,
          .f32)
        try require(
          part.isContiguous && 2 * half <= width, operation,
          expected: "contiguous tables of at most \(width / 2) angles", found: part.summary)
      }
    }
    (cosine, sine) = (rotary.short.cosine, rotary.short.sine)
    bytes = KernelBytes(
      Layout(
        shortCosine: cosine.address, shortSine: sine.address, longCosine: long.cosine.address,
        longSine: long.sine.address, half: Int32(cosine.columns)))
  }
}

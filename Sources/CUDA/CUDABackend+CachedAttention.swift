import Synchronization
import Tensor

extension CUDABackend {
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, table: RotaryTable, cache: KeyValueCache,
    shape: AttentionShape
  ) throws -> Tensor {
    let name = "attention"
    let n = q.rows
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    try check(q: q, k: k, v: v, tokens: n, shape, name)
    for (tensor, what) in [(cache.keys, "cached keys"), (cache.values, "cached values")] {
      try check(tensor, name, what, rows: nil, columns: groups * width, .bf16)
    }
    let before = cache.count
    try require(
      before >= 0 && before + n <= min(cache.keys.rows, cache.values.rows), name,
      expected: "room for \(n) tokens in a cache of \(cache.capacity)", found: "\(before) held")
    let rotary = Rotary(short: table)
    let tables = try RotaryParameter(
      rotary, segments: Segments(lengths: [before + n]), width: width, self, name)
    let y = try make([n, heads * width], .bf16)
    let isAligned =
      width % 8 == 0 && [q, k, v, cache.keys, cache.values].allSatisfy(\.isAligned)
    if cache.position != nil {
      try require(
        n == 1 && isAligned && width <= 128, name,
        expected: "one token at a time in a recorded step",
        found: q.summary)
    }
    if n == 1, isAligned, width <= 128 {
      try attendOne(q, k, v, y, tables, cache, shape)
    } else if n > 0 {
      let kernels = AttentionKernels.of(
        width: width, isAligned: isAligned, capability: driver.capability)
      try launch(
        kernels.rotate, "rotate", grid: Extent(n), block: 128, k, k.stride, cache.keys,
        cache.keys.stride, tables.bytes, nil as Tensor?, Int32(before), nil as Tensor?,
        Int32(groups), Int32(1))
      try copy(v, into: cache.values.rows(before..<before + n))
      let plan = try plan(Segments(lengths: [n]), rotary, kernels, name)
      try attend(
        q: q, k: cache.keys, v: cache.values, y: y, total: nil, runs: plan.queries, tables, shape,
        kernels, tokens: n, keyStart: 0, offset: before)
    }
    cache.count += n
    return y
  }

  /// One new token: its key and value go into the cache on the way.
  private func attendOne(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ y: Tensor, _ tables: RotaryParameter,
    _ cache: KeyValueCache, _ shape: AttentionShape
  ) throws {
    let share = shape.heads / shape.keyValueHeads
    // Query heads that a block serves at once, as registers allow.
    let served = [4, 3, 2].first { share % $0 == 0 } ?? 1
    let blocks = shape.keyValueHeads * (share / served)
    // A recorded step serves every count that the cache may reach.
    let count = min(
      cache.position == nil ? cache.count + 1 : cache.capacity, shape.window ?? .max)
    // Enough blocks to fill the card, each with something to do; those that serve several heads are as many larger.
    let wanted = (served == 1 ? 2 : 1) * driver.multiprocessors
    let parts = max(1, min((count + 31) / 32, (wanted + blocks - 1) / blocks, 64))
    let partial = try make([parts * shape.heads * (shape.width + 2)], .f32)
    let counters = try attentionState.counters(blocks, self)
    try launch(
      Self.cachedAttention(width: shape.width, heads: served), "cached_attention",
      grid: Extent(parts, shape.keyValueHeads, share / served), block: 128,
      early: true, q, k, v, cache.keys,
      cache.keys.stride, cache.values, cache.values.stride, y, tables.cosine, tables.sine,
      Int32(tables.half), Int32(cache.position == nil ? cache.count : 0), cache.position,
      Int32(share),
      Int32(shape.window ?? 0), shape.scale, partial, counters)
  }

  private static let cachedAttentions = Mutex<[[Int]: KernelSource]>([:])

  static func cachedAttention(width: Int, heads: Int) -> KernelSource {
    cachedAttentions.withLock { known in
      if let found = known[[width, heads]] { return found }
      let source = KernelSource(
        "cached_attention",
        PackageResources.tensor_core_cuh + PackageResources.cached_attention_cuh
          + PackageResources.cached_attention_cu,
        defines: ["WIDTH=\(width)", "HEADS=\(heads)"])
      known[[width, heads]] = source
      return source
    }
  }
}

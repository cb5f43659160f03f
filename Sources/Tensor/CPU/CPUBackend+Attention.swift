import CPUKernels

extension CPUBackend {
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput {
    let name = "attention"
    try check(q: q, k: k, v: v, tokens: segments.tokens, shape, name)
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    let share = heads / groups
    let type = factorType(precision)
    let y = try make([q.rows, heads * width], .f32)
    let total = try make([q.rows, heads], .f32)
    let queries = try keep ? make([q.rows, heads * width], type) : nil
    let keys = try keep ? make([q.rows, groups * width], type) : nil
    let (qs, ks, vs) = (try q.floats(name), try k.floats(name), try v.floats(name))
    let (target, sums) = (try y.floats(name), try total.floats(name))
    let (savedQ, savedK) = (try queries?.bytes(name), try keys?.bytes(name))
    let tables = try segments.tables(rotary, name, width: width)
    // A task takes the heads that share keys, or one head where that would leave threads idle.
    let apart = segments.count * groups < 2 * pool.count
    let tasks = apart ? heads : groups
    parallel(segments.count * tasks) { task, workspace in
      let (index, segment) = (task % tasks, task / tasks)
      let mine = apart ? index..<index + 1 : index * share..<(index + 1) * share
      let group = mine.lowerBound / share
      let (range, angles) = (segments[segment], tables[segment])
      let blocks = AttentionBlocks(length: range.count, window: shape.window)
      let packed = HeadPacker(workspace, type, width)
      let key = packed.rotated(
        ks + range.lowerBound * k.rowStride + group * width, k.rowStride, 0..<range.count,
        padded: blocks.padded, angles, slot: 0)
      let value = packed.plain(
        vs + range.lowerBound * v.rowStride + group * width, v.rowStride, range.count,
        padded: blocks.padded, slot: 1)
      if let savedK, mine.lowerBound == group * share {
        packed.save(key, range.count, savedK, at: range.lowerBound * groups + group, groups)
      }
      for head in mine {
        for block in 0..<blocks.count {
          let (rows, visible) = blocks[block]
          let query = packed.rotated(
            qs + range.lowerBound * q.rowStride + head * width, q.rowStride, rows,
            padded: rows.count, angles, slot: 2)
          let first = range.lowerBound + rows.lowerBound
          if let savedQ { packed.save(query, rows.count, savedQ, at: first * heads + head, heads) }
          let scores = workspace.floats(3, rows.count * visible.count)
          workspace.multiply(
            m: rows.count, n: visible.count, k: width, query,
            key.from(row: visible.lowerBound, column: 0).transpose, scores,
            stride: visible.count)
          let narrow =
            type == .bf16 ? workspace.halves(4, rows.count * visible.count) : nil
          let inverse = workspace.floats(5, rows.count)
          for i in 0..<rows.count {
            let seen = blocks.keys(of: rows.lowerBound + i)
            let line = i * visible.count
            let result = workspace.kernels.attentionWeights(
              scores + line, narrow.map { $0 + line }, seen.lowerBound - visible.lowerBound,
              seen.upperBound - visible.lowerBound, visible.count, shape.scale)
            sums[(first + i) * heads + head] = result.x
            inverse[i] = result.y
          }
          let weights =
            narrow.map { Factor($0, .bf16, stride: visible.count) }
            ?? Factor(scores, .f32, stride: visible.count)
          let output = target + first * heads * width + head * width
          workspace.multiply(
            m: rows.count, n: width, k: visible.count, weights,
            value.from(row: visible.lowerBound, column: 0), output, stride: heads * width)
          for i in 0..<rows.count {
            let line = output + i * heads * width
            workspace.kernels.scale(line, inverse[i], line, width)
          }
        }
      }
    }
    guard let queries, let keys else { return AttentionOutput(y: y, saved: nil) }
    return AttentionOutput(y: y, saved: AttentionSaved([queries, keys, total]))
  }

  func check(
    q: Tensor, k: Tensor, v: Tensor, tokens: Int, _ shape: AttentionShape, _ name: String
  ) throws {
    try require(
      shape.keyValueHeads > 0 && shape.heads % shape.keyValueHeads == 0 && shape.width > 0
        && (shape.window ?? 1) > 0, name,
      expected: "heads that key-value heads divide", found: "\(shape)")
    try require(q, name, "q", rows: tokens, columns: shape.heads * shape.width)
    try require(k, name, "k", rows: tokens, columns: shape.keyValueHeads * shape.width)
    try require(v, name, "v", rows: tokens, columns: shape.keyValueHeads * shape.width)
  }
}

/// The queries of a segment in blocks of rows, each with the keys that any of its rows sees.
///
/// Ranges of keys start and end at multiples of 32, so that segments of all lengths need few shapes of products.
struct AttentionBlocks {
  private static let height = 64
  private static let unit = 32

  let length: Int
  let window: Int

  init(length: Int, window: Int?) {
    self.length = length
    self.window = window ?? .max
  }

  var count: Int { (length + Self.height - 1) / Self.height }
  /// Keys with the padding behind them.
  var padded: Int { (length + Self.unit - 1) / Self.unit * Self.unit }

  subscript(index: Int) -> (rows: Range<Int>, keys: Range<Int>) {
    let rows = index * Self.height..<min((index + 1) * Self.height, length)
    let first = keys(of: rows.lowerBound).lowerBound / Self.unit * Self.unit
    return (rows, first..<(rows.upperBound + Self.unit - 1) / Self.unit * Self.unit)
  }

  /// The keys that query `row` sees.
  func keys(of row: Int) -> Range<Int> { (window > row ? 0 : row - window + 1)..<row + 1 }
}

/// Brings one head's rows together, in the type of the products.
struct HeadPacker {
  private let workspace: Workspace
  private let type: DType
  private let width: Int

  init(_ workspace: Workspace, _ type: DType, _ width: Int) {
    self.workspace = workspace
    self.type = type
    self.width = width
  }

  /// Rows `rows` (counted from `source`) turned by their angles, with zeros up to `padded` rows.
  func rotated(
    _ source: UnsafePointer<Float>, _ stride: Int, _ rows: Range<Int>, padded: Int,
    _ angles: Angles, slot: Int
  ) -> Factor {
    let target = room(padded, slot)
    let line = workspace.floats(6, width)
    for row in rows {
      let to = target + (row - rows.lowerBound) * width * type.size
      let turned = type == .bf16 ? line : to.assumingMemoryBound(to: Float.self)
      workspace.kernels.rotate(
        source + row * stride, angles.cosine + row * angles.half, angles.sine + row * angles.half,
        1, turned, angles.half, width)
      if type == .bf16 {
        workspace.kernels.narrowToBF16(line, 1, to.assumingMemoryBound(to: UInt16.self), width)
      }
    }
    return finish(target, rows.count, padded)
  }

  /// `count` rows of floats, with zeros up to `padded` rows.
  func plain(
    _ source: UnsafePointer<Float>, _ stride: Int, _ count: Int, padded: Int, slot: Int
  ) -> Factor {
    let target = room(padded, slot)
    for row in 0..<count {
      workspace.kernels.drop(
        source + row * stride, nil, 0, target + row * width * type.size, type, width)
    }
    return finish(target, count, padded)
  }

  /// `count` rows saved earlier, with zeros up to `padded` rows.
  func saved(_ source: UnsafeRawPointer, _ stride: Int, _ count: Int, padded: Int, slot: Int)
    -> Factor
  {
    let target = room(padded, slot)
    let bytes = width * type.size
    for row in 0..<count {
      (target + row * bytes).copyMemory(
        from: source + row * stride * type.size, byteCount: bytes)
    }
    return finish(target, count, padded)
  }

  /// Writes `count` packed rows to a tensor of heads, `heads` apart, starting with head number `first`.
  func save(
    _ packed: Factor, _ count: Int, _ target: UnsafeMutableRawPointer, at first: Int, _ heads: Int
  ) {
    let bytes = width * type.size
    for row in 0..<count {
      (target + (first + row * heads) * bytes).copyMemory(
        from: packed.address + row * bytes, byteCount: bytes)
    }
  }

  private func room(_ rows: Int, _ slot: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(
      workspace.buffer(slot, rows * width * type.size, of: UInt8.self))
  }

  private func finish(_ target: UnsafeMutableRawPointer, _ count: Int, _ padded: Int) -> Factor {
    let bytes = width * type.size
    (target + count * bytes).initializeMemory(
      as: UInt8.self, repeating: 0, count: (padded - count) * bytes)
    return Factor(target, type, stride: width)
  }
}

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
    let layout = HeadLayout(segments, shape)
    let queries = try keep ? make([q.rows, heads * width], type) : nil
    let keys = try keep ? make([layout.keyRows, groups * width], type) : nil
    let (qs, ks, vs) = (try q.floats(name), try k.floats(name), try v.floats(name))
    let (target, sums) = (try y.floats(name), try total.floats(name))
    let (savedQ, savedK) = (try queries?.bytes(name), try keys?.bytes(name))
    let tables = try segments.tables(rotary, name, width: width)
    // A task takes the heads that share keys, or one head where that would leave threads idle.
    let apart = segments.count * groups < 2 * threads
    let tasks = apart ? heads : groups
    try parallelSteps(segments.count * tasks) { task, workspace in
      let (index, segment) = (task % tasks, task / tasks)
      let mine = apart ? index..<index + 1 : index * share..<(index + 1) * share
      let group = mine.lowerBound / share
      let (range, angles) = (segments[segment], tables[segment])
      let blocks = AttentionBlocks(length: range.count, window: shape.window)
      let packed = HeadPacker(workspace, type, width)
      let keeps = mine.lowerBound == group * share
      let key = packed.rotated(
        ks + range.lowerBound * k.rowStride + group * width, k.rowStride, 0..<range.count,
        padded: blocks.padded, angles,
        into: keeps ? layout.keys(savedK, type, segment, group) : nil, slot: 0)
      let value = packed.plain(
        vs + range.lowerBound * v.rowStride + group * width, v.rowStride, range.count,
        padded: blocks.padded, slot: 1)
      // The rows of all its heads together: fewer and larger products.
      for block in 0..<blocks.count {
        let (rows, visible) = blocks[block]
        let (count, length) = (mine.count * rows.count, visible.count)
        let first = range.lowerBound + rows.lowerBound
        let query =
          layout.queries(savedQ, type, range.lowerBound, head: mine.lowerBound, rows, range.count)
          ?? packed.room(count, slot: 2)
        for (place, head) in mine.enumerated() {
          packed.rotate(
            qs + range.lowerBound * q.rowStride + head * width, q.rowStride, rows, angles,
            into: query.from(row: place * rows.count, column: 0))
        }
        let scores = workspace.floats(3, count * length)
        workspace.multiply(
          m: count, n: length, k: width, query,
          key.from(row: visible.lowerBound, column: 0).transpose, scores, stride: length)
        let narrow = type == .bf16 ? workspace.halves(4, count * length) : nil
        let inverse = workspace.floats(5, count)
        let block = blocks.rows(rows, visible, scale: shape.scale, step: heads)
        for (place, head) in mine.enumerated() {
          let row = place * rows.count
          workspace.kernels.attentionWeights(
            scores + row * length, narrow.map { $0 + row * length }, block,
            sums + first * heads + head, inverse + row)
        }
        let weights =
          narrow.map { Factor($0, .bf16, stride: length) } ?? Factor(scores, .f32, stride: length)
        let output = workspace.floats(7, count * width)
        workspace.multiply(
          m: count, n: width, k: length, weights,
          value.from(row: visible.lowerBound, column: 0), output, stride: width)
        for (place, head) in mine.enumerated() {
          let row = place * rows.count
          workspace.kernels.scaleRows(
            output + row * width, inverse + row, target + (first * heads + head) * width,
            heads * width, width, rows.count)
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

  /// A block's rows as the kernels take them.
  func rows(_ rows: Range<Int>, _ keys: Range<Int>, scale: Float, step: Int) -> AttentionRows {
    AttentionRows(
      count: rows.count, length: keys.count, position: rows.lowerBound - keys.lowerBound,
      window: window, scale: scale, step: step)
  }
}

/// How the rotated queries and keys of a pass are kept for its backward: so that the products find them side by side.
struct HeadLayout {
  private let shape: AttentionShape
  private let share: Int
  /// The first row of each segment's keys, which are padded with zeros; behind the last, the rows in all.
  private var starts = [0]

  init(_ segments: Segments, _ shape: AttentionShape) {
    self.shape = shape
    share = shape.heads / shape.keyValueHeads
    for index in 0..<segments.count {
      let blocks = AttentionBlocks(length: segments[index].count, window: shape.window)
      starts.append(starts[index] + blocks.padded)
    }
  }

  /// Rows of the tensor of keys, `[rows, keyValueHeads · width]`.
  var keyRows: Int { starts[starts.count - 1] }

  /// Where a segment's queries of `head` for a block of rows are kept: those of the heads that share keys follow each
  /// other. The segment has `length` tokens, `start` stand before it.
  func queries(
    _ base: UnsafeMutableRawPointer?, _ type: DType, _ start: Int, head: Int, _ rows: Range<Int>,
    _ length: Int
  ) -> Factor? {
    let (group, place) = (head / share, head % share)
    let row =
      start * shape.heads + group * share * length + rows.lowerBound * share + place * rows.count
    return base.map { Factor($0 + row * shape.width * type.size, type, stride: shape.width) }
  }

  /// Where a segment's keys of `group` are kept.
  func keys(_ base: UnsafeMutableRawPointer?, _ type: DType, _ segment: Int, _ group: Int)
    -> Factor?
  {
    let padded = starts[segment + 1] - starts[segment]
    let row = starts[segment] * shape.keyValueHeads + group * padded
    return base.map { Factor($0 + row * shape.width * type.size, type, stride: shape.width) }
  }
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

  /// Rows `rows` (counted from `source`) turned by their angles, with zeros up to `padded` rows; in `kept`, or in the
  /// workspace.
  func rotated(
    _ source: UnsafePointer<Float>, _ stride: Int, _ rows: Range<Int>, padded: Int,
    _ angles: Angles, into kept: Factor?, slot: Int
  ) -> Factor {
    let target = kept ?? room(padded, slot: slot)
    rotate(source, stride, rows, angles, into: target)
    clear(target, rows.count, padded)
    return target
  }

  /// Rows `rows` (counted from `source`) turned by their angles.
  func rotate(
    _ source: UnsafePointer<Float>, _ stride: Int, _ rows: Range<Int>, _ angles: Angles,
    into target: Factor
  ) {
    let to = bytes(target, 0)
    let output: KernelOutput =
      type == .bf16
      ? .halves(to.assumingMemoryBound(to: UInt16.self))
      : .floats(to.assumingMemoryBound(to: Float.self))
    let angle = rows.lowerBound * angles.half
    workspace.kernels.rotate(
      source + rows.lowerBound * stride, stride, angles.cosine + angle, angles.sine + angle, 1,
      output, width, angles.half, width, rows.count)
  }

  /// `count` rows of floats, with zeros up to `padded` rows.
  func plain(
    _ source: UnsafePointer<Float>, _ stride: Int, _ count: Int, padded: Int, slot: Int
  ) -> Factor {
    let target = room(padded, slot: slot)
    for row in 0..<count {
      workspace.kernels.drop(
        source + row * stride, .f32, nil, 0, bytes(target, row), type, width)
    }
    clear(target, count, padded)
    return target
  }

  /// Room for `rows` rows, side by side.
  func room(_ rows: Int, slot: Int) -> Factor {
    Factor(
      workspace.buffer(slot, rows * width * type.size, of: UInt8.self), type, stride: width)
  }

  private func bytes(_ packed: Factor, _ row: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(mutating: packed.address + row * width * type.size)
  }

  private func clear(_ packed: Factor, _ count: Int, _ padded: Int) {
    bytes(packed, count).initializeMemory(
      as: UInt8.self, repeating: 0, count: (padded - count) * width * type.size)
  }
}

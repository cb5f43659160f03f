import CPUKernels

extension CPUBackend {
  public func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput {
    let name = "attention"
    try check(q: q, k: k, v: v, tokens: segments.tokens, shape, name)
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    let queries = try rotate(q, heads: heads, width: width, rotary, segments, 1)
    let keys = try rotate(k, heads: groups, width: width, rotary, segments, 1)
    let y = try make([q.rows, heads * width], .f32)
    let total = try make([q.rows, heads], .f32)
    let (qs, ks, vs) = (try queries.floats(name), try keys.floats(name), try v.floats(name))
    let (target, sums) = (try y.floats(name), try total.floats(name))
    let window = shape.window ?? Int.max
    let kernels = kernels
    parallel(segments.count * heads) { task, workspace in
      let (head, range) = (task % heads, segments[task / heads])
      let group = head * groups / heads
      let scores = workspace.floats(0, range.count)
      for i in range {
        let first = window > i - range.lowerBound ? range.lowerBound : i - window + 1
        sums[i * heads + head] = kernels.attendRow(
          qs + (i * heads + head) * width, ks + (first * groups + group) * width, groups * width,
          vs + first * v.rowStride + group * width, v.rowStride, i - first + 1, width, shape.scale,
          scores, target + (i * heads + head) * width)
      }
    }
    return AttentionOutput(y: y, saved: keep ? AttentionSaved([queries, keys, total]) : nil)
  }

  public func attentionBackward(
    _ dy: Tensor, output: Tensor, saved: AttentionSaved, v: Tensor, rotary: Rotary,
    segments: Segments, shape: AttentionShape, precision: Precision, dq: Tensor, dk: Tensor,
    dv: Tensor
  ) throws {
    let name = "attentionBackward"
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    try require(
      saved.tensors.count == 3, name, expected: "what attention saved", found: "something else")
    let (queries, keys, total) = (saved.tensors[0], saved.tensors[1], saved.tensors[2])
    try check(q: dq, k: dk, v: dv, tokens: segments.tokens, shape, name)
    try check(q: dy, k: keys, v: v, tokens: segments.tokens, shape, name)
    try require(output, name, "output", rows: dy.rows, columns: heads * width)
    try require(queries, name, "queries", rows: dy.rows, columns: heads * width)
    let (qs, ks, vs) = (try queries.floats(name), try keys.floats(name), try v.floats(name))
    let (upstream, outputs, sums) = (
      try dy.floats(name), try output.floats(name), try total.floats(name)
    )
    let (gq, gk, gv) = (try dq.floats(name), try dk.floats(name), try dv.floats(name))
    let window = shape.window ?? Int.max
    let kernels = kernels
    let share = heads / groups
    let tables = try segments.tables(rotary, name)
    parallel(segments.count * groups) { task, workspace in
      let (group, segment) = (task % groups, task / groups)
      let range = segments[segment]
      let sumK = workspace.floats(0, range.count * width)
      let sumV = workspace.floats(1, range.count * width)
      let back = workspace.floats(2, width)
      sumK.update(repeating: 0, count: range.count * width)
      sumV.update(repeating: 0, count: range.count * width)
      let table = tables[segment]
      for i in range {
        let position = i - range.lowerBound
        let first = window > position ? range.lowerBound : i - window + 1
        for head in group * share..<(group + 1) * share {
          let d = upstream + i * dy.rowStride + head * width
          kernels.attendRowBackward(
            qs + (i * heads + head) * width, ks + (first * groups + group) * width,
            groups * width, vs + first * v.rowStride + group * width, v.rowStride, i - first + 1,
            width, shape.scale, sums[i * heads + head],
            kernels.dot(d, outputs + i * output.rowStride + head * width, width), d, back,
            sumK + (first - range.lowerBound) * width, sumV + (first - range.lowerBound) * width)
          kernels.rotate(
            back, table.cosine + position * table.half, table.sine + position * table.half, -1,
            gq + i * dq.rowStride + head * width, table.half, width)
        }
      }
      for i in range {
        let position = i - range.lowerBound
        kernels.rotate(
          sumK + position * width, table.cosine + position * table.half,
          table.sine + position * table.half, -1, gk + i * dk.rowStride + group * width,
          table.half, width)
        (gv + i * dv.rowStride + group * width).update(from: sumV + position * width, count: width)
      }
    }
  }

  public func attention(
    q: Tensor, k: Tensor, v: Tensor, table: RotaryTable, cache: KeyValueCache,
    shape: AttentionShape
  ) throws -> Tensor {
    let name = "attention"
    let n = q.rows
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    try check(q: q, k: k, v: v, tokens: n, shape, name)
    try require(cache.keys, name, "cached keys", rows: nil, columns: groups * width)
    try require(cache.values, name, "cached values", rows: nil, columns: groups * width)
    let before = cache.count
    try require(
      before >= 0 && before + n <= min(cache.keys.rows, cache.values.rows), name,
      expected: "room for \(n) tokens in a cache of \(cache.capacity)", found: "\(before) held")
    let angles = try Angles(table, length: before + n, width: width, name)
    let queries = try make([n, heads * width], .f32)
    let y = try make([n, heads * width], .f32)
    let (qs, rotated, ks, vs) = (
      try q.floats(name), try queries.floats(name), try k.floats(name), try v.floats(name)
    )
    let (keys, values) = (try cache.keys.floats(name), try cache.values.floats(name))
    let (keyStride, valueStride) = (cache.keys.rowStride, cache.values.rowStride)
    let target = try y.floats(name)
    let kernels = kernels
    parallelRows(n, width: (heads + groups) * width) { rows, _ in
      for i in rows {
        let place = before + i
        let cosine = angles.cosine + place * angles.half
        let sine = angles.sine + place * angles.half
        for head in 0..<heads {
          kernels.rotate(
            qs + i * q.rowStride + head * width, cosine, sine, 1,
            rotated + (i * heads + head) * width, angles.half, width)
        }
        for group in 0..<groups {
          kernels.rotate(
            ks + i * k.rowStride + group * width, cosine, sine, 1,
            keys + place * keyStride + group * width, angles.half, width)
        }
        (values + place * valueStride).update(from: vs + i * v.rowStride, count: groups * width)
      }
    }
    let window = shape.window ?? Int.max
    parallel(heads) { head, workspace in
      let group = head * groups / heads
      let scores = workspace.floats(0, before + n)
      for i in 0..<n {
        let place = before + i
        let first = window > place ? 0 : place - window + 1
        _ = kernels.attendRow(
          rotated + (i * heads + head) * width, keys + first * keyStride + group * width,
          keyStride, values + first * valueStride + group * width, valueStride,
          place - first + 1, width, shape.scale, scores, target + (i * heads + head) * width)
      }
    }
    cache.count += n
    return y
  }

  private func check(
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

  /// All heads turned by the angles of their positions: contiguous `[n, heads · width]`.
  private func rotate(
    _ x: Tensor, heads: Int, width: Int, _ rotary: Rotary, _ segments: Segments,
    _ direction: Float
  ) throws -> Tensor {
    let y = try make([x.rows, heads * width], .f32)
    let (source, target) = (try x.floats("rotary"), try y.floats("rotary"))
    let tables = try segments.tables(rotary, "rotary", width: width)
    let kernels = kernels
    parallel(segments.count) { segment, _ in
      let (range, table) = (segments[segment], tables[segment])
      for i in range {
        let angle = (i - range.lowerBound) * table.half
        for head in 0..<heads {
          kernels.rotate(
            source + i * x.rowStride + head * width, table.cosine + angle, table.sine + angle,
            direction, target + (i * heads + head) * width, table.half, width)
        }
      }
    }
    return y
  }
}

/// A rotary table as kernels take it.
struct Angles {
  var cosine: UnsafePointer<Float>
  var sine: UnsafePointer<Float>
  /// Angles per position.
  var half: Int

  /// - Throws: `ShapeMismatch` where the table is shorter than a sequence of `length` tokens, or wider than a head.
  init(_ table: RotaryTable, length: Int, width: Int, _ operation: String) throws {
    half = table.cosine.columns
    try require(table.cosine, operation, "cosines", rows: nil, columns: nil)
    try require(table.sine, operation, "sines", rows: table.cosine.rows, columns: half)
    try require(
      table.cosine.isContiguous && table.sine.isContiguous && 2 * half <= width, operation,
      expected: "contiguous tables of at most \(width / 2) angles", found: table.cosine.summary)
    try require(
      length <= table.positions, operation,
      expected: "at most \(table.positions) tokens in a sequence", found: "\(length)")
    cosine = UnsafePointer(try table.cosine.floats(operation))
    sine = UnsafePointer(try table.sine.floats(operation))
  }
}

extension Segments {
  /// The rotary table of each segment.
  func tables(_ rotary: Rotary, _ operation: String, width: Int = .max) throws -> [Angles] {
    try (0..<count).map {
      try Angles(
        rotary.table(length: self[$0].count), length: self[$0].count, width: width, operation)
    }
  }
}

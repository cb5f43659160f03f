import CPUKernels

extension CPUBackend {
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
    try check(q: dy, k: dk, v: v, tokens: segments.tokens, shape, name)
    let layout = HeadLayout(segments, shape)
    try require(keys, name, "keys", rows: layout.keyRows, columns: groups * width)
    try require(output, name, "output", rows: dy.rows, columns: heads * width)
    try require(queries, name, "queries", rows: dy.rows, columns: heads * width)
    let type = queries.dtype
    let (qs, ks) = (try queries.bytes(name), try keys.bytes(name))
    let (vs, sums) = (try v.floats(name), try total.floats(name))
    let (gq, gk, gv) = (try dq.output(name), try dk.output(name), try dv.output(name))
    let share = heads / groups
    let tables = try segments.tables(rotary, name, width: width)
    let flow = try AttentionUpstream(dy, output: output, segments, shape, layout, type, self)
    try parallelSteps(segments.count * groups) { task, workspace in
      let (group, segment) = (task % groups, task / groups)
      let (range, angles, kernels) = (segments[segment], tables[segment], workspace.kernels)
      let start = range.lowerBound
      let blocks = AttentionBlocks(length: range.count, window: shape.window)
      let packed = HeadPacker(workspace, type, width)
      guard let key = layout.keys(ks, type, segment, group) else { return }
      let value = packed.plain(
        vs + start * v.rowStride + group * width, v.rowStride, range.count,
        padded: blocks.padded, slot: 1)
      let sumK = workspace.floats(2, blocks.padded * width)
      let sumV = workspace.floats(3, blocks.padded * width)
      sumK.update(repeating: 0, count: blocks.padded * width)
      sumV.update(repeating: 0, count: blocks.padded * width)
      for block in 0..<blocks.count {
        let (rows, visible) = blocks[block]
        let (count, length) = (share * rows.count, visible.count)
        let first = start + rows.lowerBound
        let head = group * share
        guard let query = layout.queries(qs, type, start, head: head, rows, range.count),
          let gradient = layout.queries(flow.dy, type, start, head: head, rows, range.count)
        else { return }
        let scores = workspace.floats(5, count * length)
        let slopes = workspace.floats(7, count * length)
        workspace.multiply(
          m: count, n: length, k: width, query,
          key.from(row: visible.lowerBound, column: 0).transpose, scores, stride: length)
        workspace.multiply(
          m: count, n: length, k: width, gradient,
          value.from(row: visible.lowerBound, column: 0).transpose, slopes, stride: length)
        let narrow = type == .bf16 ? workspace.halves(8, 2 * count * length) : nil
        let block = blocks.rows(rows, visible, scale: shape.scale, step: heads)
        for place in 0..<share {
          let (line, index) = (place * rows.count * length, first * heads + head + place)
          kernels.attentionSlopes(
            scores + line, slopes + line, narrow.map { $0 + line },
            narrow.map { $0 + count * length + line }, block, sums + index, flow.dots + index)
        }
        let weights =
          narrow.map { Factor($0, .bf16, stride: length) } ?? Factor(scores, .f32, stride: length)
        let change =
          narrow.map { Factor($0 + count * length, .bf16, stride: length) }
          ?? Factor(slopes, .f32, stride: length)
        workspace.multiply(
          m: length, n: width, k: count, weights.transpose, gradient,
          sumV + visible.lowerBound * width, stride: width, beta: 1)
        workspace.multiply(
          m: length, n: width, k: count, change.transpose, query,
          sumK + visible.lowerBound * width, stride: width, beta: 1)
        let back = workspace.floats(9, count * width)
        workspace.multiply(
          m: count, n: width, k: length, change, key.from(row: visible.lowerBound, column: 0),
          back, stride: width)
        let angle = rows.lowerBound * angles.half
        for place in 0..<share {
          kernels.rotate(
            back + place * rows.count * width, width, angles.cosine + angle, angles.sine + angle,
            -1, gq + (first * dq.rowStride + (head + place) * width), dq.rowStride, angles.half,
            width, rows.count)
        }
      }
      kernels.rotate(
        sumK, width, angles.cosine, angles.sine, -1,
        gk + (start * dk.rowStride + group * width), dk.rowStride, angles.half, width,
        range.count)
      for i in 0..<range.count {
        switch gv + ((start + i) * dv.rowStride + group * width) {
        case .floats(let row): row.update(from: sumV + i * width, count: width)
        case .halves(let row): kernels.narrowToBF16(sumV + i * width, 1, row, width)
        }
      }
    }
    withExtendedLifetime(flow) {}
  }
}

/// What flows into attention's backward, brought into the order of the queries while rows are read as they lie.
private struct AttentionUpstream {
  /// dy in the products' type.
  let dy: UnsafeMutableRawPointer
  /// dy · y of each head `[n, heads]`. With the same dy that the products see, or the differences would not cancel.
  let dots: UnsafeMutablePointer<Float>
  private let owners: [Tensor]

  init(
    _ dy: Tensor, output: Tensor, _ segments: Segments, _ shape: AttentionShape,
    _ layout: HeadLayout, _ type: DType, _ backend: CPUBackend
  ) throws {
    let name = "attentionBackward"
    let (heads, width) = (shape.heads, shape.width)
    let (source, outputs) = (try dy.floats(name), try output.floats(name))
    let gathered = try backend.make([dy.rows, heads * width], type)
    let products = try backend.make([dy.rows, heads], .f32)
    let (target, dots) = (try gathered.bytes(name), try products.floats(name))
    let places = (0..<segments.count).flatMap { segment in
      let blocks = AttentionBlocks(length: segments[segment].count, window: shape.window)
      return (0..<blocks.count).map { (segments[segment], blocks[$0].rows) }
    }
    let (kernels, size) = (backend.kernels, width * type.size)
    backend.parallel(places.count) { task, _ in
      let (segment, rows) = places[task]
      for i in rows {
        let row = segment.lowerBound + i
        for head in 0..<heads {
          let queries = layout.queries(
            target, type, segment.lowerBound, head: head, rows, segment.count)
          guard let queries else { return }
          let place =
            UnsafeMutableRawPointer(mutating: queries.address) + (i - rows.lowerBound) * size
          let d = source + row * dy.rowStride + head * width
          let y = outputs + row * output.rowStride + head * width
          kernels.drop(d, .f32, nil, 0, place, type, width)
          dots[row * heads + head] =
            type == .f32
            ? kernels.dot(y, d, width)
            : kernels.dotBF16(y, place.assumingMemoryBound(to: UInt16.self), width)
        }
      }
    }
    (self.dy, self.dots) = (target, dots)
    owners = [gathered, products]
  }
}

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
    try check(q: dy, k: keys, v: v, tokens: segments.tokens, shape, name)
    try require(output, name, "output", rows: dy.rows, columns: heads * width)
    try require(queries, name, "queries", rows: dy.rows, columns: heads * width)
    let type = queries.dtype
    let (qs, ks) = (try queries.bytes(name), try keys.bytes(name))
    let (vs, upstream, outputs, sums) = (
      try v.floats(name), try dy.floats(name), try output.floats(name), try total.floats(name)
    )
    let (gq, gk, gv) = (try dq.floats(name), try dk.floats(name), try dv.floats(name))
    let share = heads / groups
    let tables = try segments.tables(rotary, name, width: width)
    parallel(segments.count * groups) { task, workspace in
      let (group, segment) = (task % groups, task / groups)
      let (range, angles, kernels) = (segments[segment], tables[segment], workspace.kernels)
      let start = range.lowerBound
      let blocks = AttentionBlocks(length: range.count, window: shape.window)
      let packed = HeadPacker(workspace, type, width)
      let key = packed.saved(
        ks + (start * groups + group) * width * type.size, groups * width, range.count,
        padded: blocks.padded, slot: 0)
      let value = packed.plain(
        vs + start * v.rowStride + group * width, v.rowStride, range.count,
        padded: blocks.padded, slot: 1)
      let sumK = workspace.floats(2, blocks.padded * width)
      let sumV = workspace.floats(3, blocks.padded * width)
      sumK.update(repeating: 0, count: blocks.padded * width)
      sumV.update(repeating: 0, count: blocks.padded * width)
      for head in group * share..<(group + 1) * share {
        for block in 0..<blocks.count {
          let (rows, visible) = blocks[block]
          let (count, length) = (rows.count, visible.count)
          let first = start + rows.lowerBound
          let query = Factor(
            qs + (first * heads + head) * width * type.size, type, stride: heads * width)
          let d = upstream + first * dy.rowStride + head * width
          let gradient =
            type == .f32
            ? Factor(d, .f32, stride: dy.rowStride)
            : packed.plain(d, dy.rowStride, count, padded: count, slot: 4)
          let scores = workspace.floats(5, count * length)
          let slopes = workspace.floats(7, count * length)
          workspace.multiply(
            m: count, n: length, k: width, query,
            key.from(row: visible.lowerBound, column: 0).transpose, scores, stride: length)
          workspace.multiply(
            m: count, n: length, k: width, gradient,
            value.from(row: visible.lowerBound, column: 0).transpose, slopes, stride: length)
          let narrow = type == .bf16 ? workspace.halves(8, 2 * count * length) : nil
          for i in 0..<count {
            let seen = blocks.keys(of: rows.lowerBound + i)
            let line = i * length
            // The same gradient that the product with v saw, or the differences below would not cancel.
            let row = outputs + (first + i) * output.rowStride + head * width
            let dot =
              type == .f32
              ? kernels.dot(row, d + i * dy.rowStride, width)
              : kernels.dotBF16(
                row, gradient.address.assumingMemoryBound(to: UInt16.self) + i * width, width)
            kernels.attentionSlopes(
              scores + line, slopes + line, narrow.map { $0 + line },
              narrow.map { $0 + count * length + line }, seen.lowerBound - visible.lowerBound,
              seen.upperBound - visible.lowerBound, length, shape.scale,
              sums[(first + i) * heads + head], dot)
          }
          let weights =
            narrow.map { Factor($0, .bf16, stride: length) }
            ?? Factor(scores, .f32, stride: length)
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
          for i in 0..<count {
            let angle = (rows.lowerBound + i) * angles.half
            kernels.rotate(
              back + i * width, angles.cosine + angle, angles.sine + angle, -1,
              gq + (first + i) * dq.rowStride + head * width, angles.half, width)
          }
        }
      }
      for i in 0..<range.count {
        let angle = i * angles.half
        kernels.rotate(
          sumK + i * width, angles.cosine + angle, angles.sine + angle, -1,
          gk + (start + i) * dk.rowStride + group * width, angles.half, width)
        (gv + (start + i) * dv.rowStride + group * width).update(
          from: sumV + i * width, count: width)
      }
    }
  }
}

import CPUKernels

extension CPUBackend {
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
            qs + i * q.rowStride + head * width, 0, cosine, sine, 1,
            .floats(rotated + (i * heads + head) * width), 0, angles.half, width, 1)
        }
        for group in 0..<groups {
          kernels.rotate(
            ks + i * k.rowStride + group * width, 0, cosine, sine, 1,
            .floats(keys + place * keyStride + group * width), 0, angles.half, width, 1)
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
}

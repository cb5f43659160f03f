import Tensor

extension CUDABackend {
  public func attentionBackward(
    _ dy: Tensor, output: Tensor, saved: AttentionSaved, v: Tensor, rotary: Rotary,
    segments: Segments, shape: AttentionShape, precision: Precision, dq: Tensor, dk: Tensor,
    dv: Tensor
  ) throws {
    let name = "attentionBackward"
    let (heads, groups, width) = (shape.heads, shape.keyValueHeads, shape.width)
    try require(
      saved.tensors.count == 3, name, expected: "what attention saved", found: "something else")
    // Rotated.
    let (q, k, total) = (saved.tensors[0], saved.tensors[1], saved.tensors[2])
    let n = segments.tokens
    try check(q: q, k: k, v: v, tokens: n, shape, name)
    try check(q: dq, k: dk, v: dv, tokens: n, shape, name)
    try check(dy, name, "dy", rows: n, columns: heads * width, .bf16)
    try check(output, name, "output", rows: n, columns: heads * width, .bf16)
    try check(total, name, "sums", rows: heads, columns: n, .f32)
    let tables = try RotaryParameter(rotary, segments: segments, width: width, self, name)
    let kernels = AttentionKernels.of(
      width: width,
      isAligned: width % 8 == 0 && [q, k, v, dy, output, dq, dk, dv].allSatisfy(\.isAligned),
      capability: driver.capability)
    let plan = try plan(segments, rotary, kernels, name)
    let delta = try make([heads, n], .f32)
    try launch(
      kernels.delta, "attention_delta", grid: Extent((n + 7) / 8, (heads + 7) / 8), block: 256, dy,
      dy.stride, output, output.stride, delta, Int32(n), Int32(heads))
    let (share, window) = (Int32(heads / groups), Int32(shape.window ?? 0))
    try launch(
      kernels.backwardKeys, "attention_backward_keys", grid: Extent(plan.keys.rows, groups),
      block: Extent(kernels.keyThreads), shared: kernels.keysShared, q, k, v,
      v.stride, dy, dy.stride, total, delta, dk, dk.stride, dv, dv.stride, plan.keys, tables.bytes,
      Int32(n), share, window, shape.scale)
    try launch(
      kernels.backwardQueries, "attention_backward_queries",
      grid: Extent(plan.queries.rows, heads), block: Extent(kernels.rowThreads),
      shared: kernels.queriesShared, q, k, v, v.stride, dy, dy.stride, total, delta, dq, dq.stride,
      plan.queries, tables.bytes,
      Int32(n), share, window, shape.scale)
  }
}

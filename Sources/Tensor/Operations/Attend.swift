/// The queries, keys and values of an attention layer: one fused tensor, or three.
public enum Projections {
  /// `[n, (heads + 2·keyValueHeads)·width]`: queries, keys, values side by side.
  case fused(Tensor)
  case separate(q: Tensor, k: Tensor, v: Tensor)

  /// Queries, keys and values, each `[n, …]`; views where they are fused.
  public func views(_ shape: AttentionShape) -> (q: Tensor, k: Tensor, v: Tensor) {
    switch self {
    case .separate(let q, let k, let v): return (q, k, v)
    case .fused(let tensor):
      let queries = shape.heads * shape.width
      let keys = shape.keyValueHeads * shape.width
      return (
        tensor.columns(0..<queries), tensor.columns(queries..<queries + keys),
        tensor.columns(queries + keys..<queries + 2 * keys)
      )
    }
  }

  var tensors: [Tensor] {
    switch self {
    case .fused(let tensor): [tensor]
    case .separate(let q, let k, let v): [q, k, v]
    }
  }

  /// Uninitialised tensors of the same shapes, for gradients.
  func like(_ backend: any Backend, _ type: DType) throws -> Projections {
    func like(_ tensor: Tensor) throws -> Tensor { try backend.make(tensor.shape, type) }
    switch self {
    case .fused(let tensor): return .fused(try like(tensor))
    case .separate(let q, let k, let v):
      return .separate(q: try like(q), k: try like(k), v: try like(v))
    }
  }
}

extension Execution {
  /// Causal attention with rotary embedding inside each segment: `[n, heads·width]`.
  ///
  /// *Paper:* Vaswani et al. (2017); grouped queries: Ainslie et al. (2023).
  public func attention(
    _ input: Projections, rotary: Rotary, segments: Segments, shape: AttentionShape
  ) throws -> Tensor {
    let recorder = tape.flatMap { input.tensors.contains(where: $0.tracks) ? $0 : nil }
    let (q, k, v) = input.views(shape)
    let output = try backend.attention(
      q: q, k: k, v: v, rotary: rotary, segments: segments, shape: shape, precision: precision,
      keep: recorder != nil)
    guard let tape = recorder, let saved = output.saved else { return output.y }
    let (backend, precision, type) = (backend, precision, operand(recorder))
    tape.record(output.y) { [unowned tape] dy in
      let gradients = try input.like(backend, type)
      let (dq, dk, dv) = gradients.views(shape)
      try backend.attentionBackward(
        dy, output: output.y, saved: saved, v: v, rotary: rotary, segments: segments,
        shape: shape, precision: precision, dq: dq, dk: dk, dv: dv)
      for (tensor, gradient) in zip(input.tensors, gradients.tensors) where tape.tracks(tensor) {
        try tape.accumulate(gradient, for: tensor)
      }
    }
    return output.y
  }
}

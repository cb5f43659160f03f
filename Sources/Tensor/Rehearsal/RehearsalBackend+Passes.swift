extension RehearsalBackend {
  public func embedding(_ table: Tensor, ids: [Int32]) throws -> Tensor {
    note(.embedding(WeightForm(table), ids: ids.count))
    return counted([ids.count, table.columns], activation)
  }

  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput {
    try require(x, "linear", "x", rows: nil, columns: weight.columns)
    let (n, form) = (x.rows, adapter.map(AdapterForm.init))
    note(
      .linear(
        n: n, WeightForm(weight), input: x.dtype, bias: bias != nil, form, precision))
    let y = counted([n, weight.rows], activation)
    let reduced = form.map { kept($0, n: n, inputs: weight.columns, x.dtype, precision) }
    convertsWeight(weight, rows: n, precision)
    return LinearOutput(y: y, reduced: reduced)
  }

  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients {
    try require(dy, "linearBackward", "dy", rows: x.rows, columns: weight.rows)
    let form = adapter.map(AdapterForm.init)
    note(
      .linearBackward(
        n: x.rows, WeightForm(weight), input: x.dtype, gradient: dy.dtype, form, precision,
        needsInput: needsInput))
    if dy.dtype != operand(precision) {
      scratch(dy.count * operand(precision).size)
    }
    let dx = needsInput ? counted([x.rows, weight.columns], activation) : nil
    if needsInput { convertsWeight(weight, rows: 0, precision) }
    return LinearGradients(
      dx: dx, da: adapter.map { counted($0.a.shape, .f32) },
      db: adapter.map { counted($0.b.shape, .f32) })
  }

  /// What a backend keeps of an adapted layer's input: a processor the masked input beside the reduced one, a GPU a bit
  /// for each element that says whether it was masked.
  private func kept(
    _ form: AdapterForm, n: Int, inputs: Int, _ type: DType, _ precision: Precision
  ) -> Tensor {
    if isCPU {
      let type = operand(precision)
      let isPlain = type == .f32 && !form.drops
      return counted([n, isPlain ? form.rank : inputs + form.rank], type)
    }
    return counted([n, form.rank + (form.drops ? (inputs + 15) / 16 : 0)], type)
  }

  /// The memory for a weight in the type of its products, where it is stored in another one.
  private func convertsWeight(_ weight: Weight, rows: Int, _ precision: Precision) {
    let type = operand(precision)
    if case .dense(let tensor) = weight, tensor.dtype == type,
      !(isCPU && type == .f32 && rows >= 512)
    {
      return
    }
    let whole = weight.rows * weight.columns * type.size
    scratch(isCPU ? min(whole, 16 << 20) : whole)
  }

  public func rmsNorm(
    _ x: Tensor, adding delta: Tensor?, weight: Tensor, epsilon: Float, as type: DType
  ) throws -> NormOutput {
    try require(x, "rmsNorm", "x", rows: nil, columns: weight.count)
    note(.norm(n: x.rows, width: x.columns, adds: delta != nil, as: type))
    return NormOutput(
      sum: delta == nil ? x : counted(x.shape, activation), y: counted(x.shape, type),
      inverse: counted([x.rows], .f32))
  }

  public func rmsNormBackward(
    _ dy: Tensor, sum: Tensor, weight: Tensor, inverse: Tensor, adding dSum: Tensor?
  ) throws -> Tensor {
    note(.normBackward(n: sum.rows, width: sum.columns, adds: dSum != nil))
    return counted(sum.shape, activation)
  }

  public func attention(
    q: Tensor, k: Tensor, v: Tensor, rotary: Rotary, segments: Segments, shape: AttentionShape,
    precision: Precision, keep: Bool
  ) throws -> AttentionOutput {
    try require(q, "attention", "q", rows: segments.tokens, columns: shape.heads * shape.width)
    note(.attention(segments, shape, precision, keeps: keep))
    let y = counted([q.rows, shape.heads * shape.width], activation)
    guard keep else { return AttentionOutput(y: y, saved: nil) }
    let total = counted([q.rows, shape.heads], .f32)
    // What was rotated is kept.
    let type = isCPU ? operand(precision) : activation
    return AttentionOutput(
      y: y,
      saved: AttentionSaved([counted(q.shape, type), counted(k.shape, type), total]))
  }

  public func attentionBackward(
    _ dy: Tensor, output: Tensor, saved: AttentionSaved, v: Tensor, rotary: Rotary,
    segments: Segments, shape: AttentionShape, precision: Precision, dq: Tensor, dk: Tensor,
    dv: Tensor
  ) throws {
    note(.attentionBackward(segments, shape, precision, as: dq.dtype))
    scratch(isCPU ? dy.count * operand(precision).size + 4 * dy.rows : 4 * dy.rows * shape.heads)
  }

  public func attention(
    q: Tensor, k: Tensor, v: Tensor, table: RotaryTable, cache: KeyValueCache,
    shape: AttentionShape
  ) throws -> Tensor {
    // Lengths that hardly differ count as one.
    note(.cachedAttention(new: q.rows, held: (cache.count + 127) / 128 * 128, shape))
    cache.count += q.rows
    return counted(q.shape, activation)
  }

  public func swiGLU(gate: Tensor, up: Tensor, as type: DType) throws -> Tensor {
    note(.swiGLU(n: gate.rows, width: gate.columns, as: type))
    return counted(gate.shape, type)
  }

  public func swiGLUBackward(_ dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor)
    throws
  {
    note(.swiGLUBackward(n: gate.rows, width: gate.columns, as: dGate.dtype))
  }

  public func crossEntropy(
    _ x: Tensor, head: Weight, targets: [Int32], gradient: Float?, precision: Precision
  ) throws -> LossOutput {
    try require(x, "crossEntropy", "x", rows: targets.count, columns: head.columns)
    note(
      .crossEntropy(n: x.rows, WeightForm(head), isTaped: gradient != nil, precision))
    let nll = counted([x.rows], .f32)
    let dx = gradient.map { _ in counted(x.shape, activation) }
    let logits = min(isCPU ? 32 << 20 : 512 << 20, 4 * x.rows * head.rows)
    scratch(gradient == nil ? logits : logits * 3 / 2)
    return LossOutput(nll: nll, dx: dx)
  }

  public func product(
    _ a: Tensor, transposed transposeA: Bool, _ b: Tensor, transposed transposeB: Bool,
    alpha: Float, beta: Float, into c: Tensor?
  ) throws -> Tensor {
    let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
    let n = transposeB ? b.rows : b.columns
    try require(b, "product", "b", rows: transposeB ? n : k, columns: transposeB ? k : n)
    note(.product(m: m, n: n, k: k, transposesA: transposeA, transposesB: transposeB))
    return c ?? counted([m, n], .f32)
  }

  public func divergence(_ logits: Tensor, from reference: Tensor, targets: [Int32]) throws
    -> Tensor
  {
    try require(
      reference, "divergence", "reference", rows: targets.count, columns: logits.columns)
    note(.divergence(n: targets.count, vocabulary: logits.columns))
    return counted([targets.count, 4], .f32)
  }

  public func masked(
    _ x: Tensor, by mask: RandomStream, dropout: Float, survivors: Float, hidden: Float
  ) throws -> Tensor {
    note(.masked(n: x.rows, width: x.columns, x.dtype))
    return counted(x.shape, x.dtype)
  }

  public func columnDots(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try require(b.shape == a.shape, "columnDots", expected: a.summary, found: b.summary)
    note(.columnDots(n: a.rows, width: a.columns, a.dtype))
    return counted([a.columns], .f32)
  }

  public func rowNorms(_ matrix: Tensor) throws -> Tensor {
    note(.rowNorms(WeightForm(matrix)))
    return counted([matrix.rows], .f32)
  }

  public func eigenvectors(of symmetric: Tensor, count: Int) throws -> Eigenvectors {
    let n = symmetric.columns
    note(.eigenvectors(n: n, count: count))
    // The matrix and its eigenvectors, on the host.
    if isCPU { scratch(4 * n * (n + count)) }
    return Eigenvectors(
      values: [Float](repeating: 1, count: count), vectors: counted([count, n], .f32))
  }

  public func survival(of change: Tensor, from before: Weight, to after: Weight) throws -> Survival
  {
    let form = WeightForm(before)
    note(.survival(form))
    if form.grid != nil { scratch(8 * form.count) }
    return .unknown(count: form.count, hasSteps: form.grid != nil)
  }

  public func sumOfSquares(_ tensors: [Tensor]) throws -> Double {
    note(.sumOfSquares(count: tensors.reduce(0) { $0 + $1.count }, tensors: tensors.count))
    return 1
  }

  public func adamW(
    _ parameters: [AdamWParameter], settings: AdamWSettings, step: Int, gradientScale: Float
  ) throws {
    note(
      .adamW(count: parameters.reduce(0) { $0 + $1.value.count }, tensors: parameters.count))
  }
}

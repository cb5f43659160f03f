import Tensor

extension KernelSource {
  static let lora = KernelSource("lora", PackageResources.lora_cu)
}

extension CUDABackend {
  /// The low-rank product comes first and the large one adds to it: what is read back is then hidden behind the large
  /// product's arithmetic.
  public func linear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm?, precision: Precision
  ) throws -> LinearOutput {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try check(x, name, "x", rows: nil, columns: inputs, .bf16)
    let arithmetic = LinearArithmetic(weight, precision)
    if let bias {
      try require(
        bias.count == outputs && bias.isContiguous, name, expected: "bias [\(outputs)]",
        found: bias.summary)
      try check(bias, name, "bias")
    }
    func reduce(_ input: Tensor, _ adapter: AdapterTerm) throws -> (AdapterFactors, Tensor) {
      let term = try AdapterFactors(adapter, inputs, outputs, arithmetic.type, self)
      let low = try make([n, term.rank], arithmetic.type)
      try multiply(
        try term.masked(input, self).factor, term.a.transposed, into: low,
        alpha: term.survivorScale, name)
      return (term, low)
    }
    if arithmetic.type == .bf16, let y = try decodeLinear(x, weight, bias: bias) {
      guard let adapter else { return LinearOutput(y: y, reduced: nil) }
      let (term, low) = try reduce(x, adapter)
      try multiply(low.factor, term.b.transposed, into: y, beta: 1, name)
      return LinearOutput(y: y, reduced: low)
    }
    let input = try factor(x, arithmetic.type, name)
    let matrix = try factor(weight, arithmetic.type, name)
    let y = try make([n, outputs], arithmetic.type)
    let offsets = try bias.map {
      $0.dtype == arithmetic.type ? $0 : try convert($0, to: arithmetic.type)
    }
    var reduced: Tensor?
    if let adapter {
      let (term, low) = try reduce(input, adapter)
      try multiply(low.factor, term.b.transposed, into: y, name)
      reduced = low
    }
    try multiply(
      input.factor, matrix.transposed, into: y, beta: adapter == nil ? 0 : 1, bias: offsets,
      arithmetic: arithmetic.products, name)
    return LinearOutput(
      y: arithmetic.type == .bf16 ? y : try convert(y, to: .bf16), reduced: reduced)
  }

  public func linearBackward(
    _ dy: Tensor, x: Tensor, weight: Weight, adapter: AdapterTerm?, reduced: Tensor?,
    precision: Precision, needsInput: Bool
  ) throws -> LinearGradients {
    let name = "linearBackward"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    try check(x, name, "x", rows: nil, columns: inputs, .bf16)
    try check(dy, name, "dy", rows: n, columns: outputs, .bf16)
    let arithmetic = LinearArithmetic(weight, precision)
    let type = arithmetic.type
    let upstream = try factor(dy, type, name)
    let term = try adapter.map { try AdapterFactors($0, inputs, outputs, type, self) }
    // scale · dy·B
    let low = try term.map { term in
      let low = try make([n, term.rank], type)
      try multiply(upstream.factor, term.b.factor, into: low, name)
      return low
    }
    var dx: Tensor?
    if needsInput {
      let matrix = try factor(weight, type, name)
      let target = try make([n, inputs], type)
      if let term, let low {
        try multiply(low.factor, term.a.factor, into: target, name)
        if term.mask != nil {
          try drop(target, into: target, term, factor: term.survivorScale, name)
        }
      }
      try multiply(
        upstream.factor, matrix.factor, into: target, beta: term == nil ? 0 : 1,
        arithmetic: arithmetic.products, name)
      dx = type == .bf16 ? target : try convert(target, to: .bf16)
    }
    guard let adapter, let term, let low else { return LinearGradients(dx: dx, da: nil, db: nil) }
    guard let reduced else {
      throw ShapeMismatch(operation: name, expected: "the reduced input", found: "none")
    }
    try check(reduced, name, "reduced", rows: n, columns: term.rank, type)
    let da = try make([term.rank, inputs], .f32)
    let turned = try make([term.rank, outputs], .f32)
    try multiply(
      low.transposed, try term.masked(try factor(x, type, name), self).factor, into: da,
      alpha: term.survivorScale, name)
    // The library is several times as fast at a product that is 64 high as at one that is 64 wide.
    try multiply(reduced.transposed, upstream.factor, into: turned, alpha: adapter.scale, name)
    return LinearGradients(dx: dx, da: da, db: try transpose(turned))
  }

  /// The transpose of a contiguous f32 matrix.
  private func transpose(_ matrix: Tensor) throws -> Tensor {
    let result = try make([matrix.columns, matrix.rows], .f32)
    try launch(
      .lora, "transpose", grid: Extent((matrix.columns + 31) / 32, (matrix.rows + 31) / 32),
      block: Extent(32, 8), matrix, result, Int32(matrix.rows), Int32(matrix.columns))
    return result
  }

  /// `target = source · factor` where an element survives, else 0. Both contiguous but for the source's rows; may be one.
  fileprivate func drop(
    _ source: Tensor, into target: Tensor, _ term: AdapterFactors, factor: Float, _ name: String
  ) throws {
    guard let mask = term.mask else { return }
    let vectors = source.dtype == .bf16 && source.hasVectors && target.hasVectors
    let tiles = RowTiles(rows: source.rows, columns: source.columns, each: vectors ? 8 : 1)
    let (low, high) = (
      UInt32(truncatingIfNeeded: mask.key), UInt32(truncatingIfNeeded: mask.key >> 32)
    )
    if vectors {
      try launch(
        .lora, "drop_bf16", grid: tiles.grid, block: 256, source, source.stride, target,
        Int32(source.columns), tiles.count, low, high, term.threshold, factor)
    } else {
      try launch(
        .lora, "drop_any", grid: tiles.grid, block: 256, source, source.stride, target,
        source.dtype.code, Int32(source.columns), tiles.count, low, high, term.threshold, factor)
    }
  }
}

/// In which type a linear layer's factors are multiplied.
struct LinearArithmetic {
  let type: DType
  let products: Products.Arithmetic

  init(_ weight: Weight, _ precision: Precision) {
    type = precision == .bf16 ? .bf16 : .f32
    // bf16 activations and half-precision weights lose nothing at 10 bits after the point.
    if type == .f32, case .dense(let tensor) = weight, tensor.dtype != .f32 {
      products = .tensor32
    } else {
      products = .exact
    }
  }
}

/// An adapter as the products of a linear layer take it.
private struct AdapterFactors {
  /// A `[rank, in]`.
  let a: Tensor
  /// scale · B `[out, rank]`.
  let b: Tensor
  let rank: Int
  let mask: RandomStream?
  let threshold: UInt32
  /// 1/(1−p), which the masked input still lacks.
  let survivorScale: Float

  init(_ term: AdapterTerm, _ inputs: Int, _ outputs: Int, _ type: DType, _ backend: CUDABackend)
    throws
  {
    let name = "adapter"
    rank = term.rank
    try backend.check(term.a, name, "A", rows: rank, columns: inputs, .f32)
    try backend.check(term.b, name, "B", rows: outputs, columns: rank, .f32)
    a = try backend.workingCopy(term.a, type, factor: 1)
    b = try backend.workingCopy(term.b, type, factor: term.scale)
    mask = term.dropout > 0 ? term.mask : nil
    // 24 random bits times 2⁻²⁴ against p is the same as the bits against ⌈p·2²⁴⌉.
    threshold = UInt32(min((term.dropout * 0x1p24).rounded(.up), 0x1p24))
    survivorScale = mask == nil ? 1 : 1 / (1 - term.dropout)
  }

  /// What of the input survives dropout, not yet scaled.
  func masked(_ input: Tensor, _ backend: CUDABackend) throws -> Tensor {
    if mask == nil { return input }
    let target = try backend.make(input.shape, input.dtype)
    try backend.drop(input, into: target, self, factor: 1, "adapter")
    return target
  }
}

extension CUDABackend {
  /// An f32 master, scaled, in the type of its products.
  fileprivate func workingCopy(_ master: Tensor, _ type: DType, factor: Float) throws -> Tensor {
    if type == .f32, factor == 1 { return master }
    let copy = try make(master.shape, type)
    let tiles = RowTiles(rows: master.rows, columns: master.columns)
    try launch(
      .lora, "working_copy", grid: tiles.grid, block: 256, master, master.stride, copy, type.code,
      Int32(master.columns), tiles.count, factor)
    return copy
  }
}

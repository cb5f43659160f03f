import Tensor

extension CUDABackend {
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
    if arithmetic.type == .bf16 {
      if let adapter {
        return try adaptedLinear(x, weight, bias: bias, adapter: adapter, name)
      }
      if let y = try decodeLinear(x, weight, bias: bias) {
        return LinearOutput(y: y, reduced: nil)
      }
    }
    let input = try factor(x, arithmetic.type, name)
    let matrix = try factor(weight, arithmetic.type, name)
    let y = try make([n, outputs], arithmetic.type)
    let offsets = try bias.map {
      $0.dtype == arithmetic.type ? $0 : try convert($0, to: arithmetic.type)
    }
    var reduced: Tensor?
    if let adapter {
      let term = try AdapterFactors(adapter, inputs, outputs, arithmetic.type, self)
      let low = try reduce(input, term, name)
      try multiply(term.low(low).factor, term.b.transposed, into: y, name)
      reduced = low
    }
    try multiply(
      input.factor, matrix.transposed, into: y, beta: adapter == nil ? 0 : 1, bias: offsets,
      arithmetic: arithmetic.products, name)
    return LinearOutput(
      y: arithmetic.type == .bf16 ? y : try convert(y, to: .bf16), reduced: reduced)
  }

  public func reduced(_ x: Tensor, _ adapter: AdapterTerm, precision: Precision) throws -> Tensor {
    let name = "reduced"
    try check(x, name, "x", rows: nil, columns: adapter.a.columns, .bf16)
    let type: DType = precision == .bf16 ? .bf16 : .f32
    let term = try AdapterFactors(adapter, adapter.a.columns, adapter.b.rows, type, self)
    return try reduce(try factor(x, type, name), term, name)
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
    let memory = try term.map { try kept(reduced, $0, rows: n, name) }
    var (low, db): (Tensor?, Tensor?)
    if let adapter, let term, let memory {
      (low, db) = try lowGradient(upstream, term, reduced: memory, scale: adapter.scale, name)
    }
    var dx: Tensor?
    if needsInput {
      let matrix = try factor(weight, type, name)
      if type == .bf16, let term, let low, let memory {
        dx = try adaptedInput(upstream, matrix, low: low, term, reduced: memory, name)
      } else {
        let target = try make([n, inputs], type)
        if let term, let low { try spread(low, term, into: target, name) }
        try multiply(
          upstream.factor, matrix.factor, into: target, beta: term == nil ? 0 : 1,
          arithmetic: arithmetic.products, name)
        dx = type == .bf16 ? target : try convert(target, to: .bf16)
      }
    }
    guard let adapter, let term, let low, let memory else {
      return LinearGradients(dx: dx, da: nil, db: nil)
    }
    let da = try gradient(low, of: try factor(x, type, name), term, reduced: memory, name)
    return LinearGradients(
      dx: dx, da: da,
      db: try db ?? gradient(upstream, term, reduced: memory, scale: adapter.scale, name))
  }

  public func gatedInputBackward(
    _ dy: Tensor, x: Tensor, gateUp: Tensor, weight: Weight, adapter: AdapterTerm,
    reduced: Tensor?, precision: Precision, overwrites: Bool
  ) throws -> LinearGradients? {
    let name = "gatedInputBackward"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    guard precision == .bf16, driver.capability == 90, n >= WideLinear.leastRows,
      adapter.rank % 8 == 0
    else { return nil }
    try check(x, name, "x", rows: nil, columns: inputs, .bf16)
    try check(dy, name, "dy", rows: n, columns: outputs, .bf16)
    try check(gateUp, name, "gateUp", rows: n, columns: 2 * inputs, .bf16)
    let term = try AdapterFactors(adapter, inputs, outputs, .bf16, self)
    var product = WideLinear(
      x: dy, weight: try factor(weight, .bf16, name), isTurned: true, gateUp: gateUp)
    guard term.keepsMask, product.isServed(driver) else { return nil }
    let memory = try kept(reduced, term, rows: n, name)
    let (low, db) = try lowGradient(dy, term, reduced: memory, scale: adapter.scale, name)
    product.lowRank = input(low, term, reduced: memory)
    let dx = overwrites ? gateUp : try make(gateUp.shape, .bf16)
    try multiply(product, into: dx, name)
    return LinearGradients(
      dx: dx, da: try gradient(low, of: x, term, reduced: memory, name),
      db: try db ?? gradient(dy, term, reduced: memory, scale: adapter.scale, name))
  }

  /// scale · dy·B, what comes back through an adapter's B, and the gradient of B where one pass gives both.
  private func lowGradient(
    _ dy: Tensor, _ term: AdapterFactors, reduced: Tensor, scale: Float, _ name: String
  ) throws -> (low: Tensor, db: Tensor?) {
    if let both = try lowRankBackward(dy, term, reduced: reduced, scale: scale, name) {
      return both
    }
    let low = try make([dy.rows, term.rank], dy.dtype)
    try multiply(dy.factor, term.b.factor, into: low, name)
    return (low, nil)
  }

  /// The gradient of B `[out, rank]`, in f32: `scale · dyᵀ · drop(x)·Aᵀ`.
  private func gradient(
    _ dy: Tensor, _ term: AdapterFactors, reduced: Tensor, scale: Float, _ name: String
  ) throws -> Tensor {
    let turned = try make([term.rank, dy.columns], .f32)
    // The library is several times as fast at a product that is 64 high as at one that is 64 wide.
    try multiply(
      term.low(reduced).transposed, dy.factor, into: turned, alpha: scale, name)
    return try transpose(turned)
  }

  /// The transpose of a contiguous f32 matrix.
  private func transpose(_ matrix: Tensor) throws -> Tensor {
    let result = try make([matrix.columns, matrix.rows], .f32)
    try launch(
      .lora, "transpose", grid: Extent((matrix.columns + 31) / 32, (matrix.rows + 31) / 32),
      block: Extent(32, 8), matrix, result, Int32(matrix.rows), Int32(matrix.columns))
    return result
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

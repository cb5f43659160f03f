import Tensor

/// A linear layer with an adapter in bf16, forth and back.
///
/// Both products are summed in f32 before they are rounded. A library that is asked to add to a bf16 matrix rounds its product
/// first, and of what a young adapter adds, far below the last bit of what it is added to, half is then lost. On cards of
/// compute capability 9.0 one kernel sums both (`WideLinear`); elsewhere, and for few rows, the sum stands in memory as f32.
extension CUDABackend {
  func adaptedLinear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm, _ name: String
  ) throws -> LinearOutput {
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    let term = try AdapterFactors(adapter, inputs, outputs, .bf16, self)
    let reduced = try reduce(x, term, name)
    let low = term.low(reduced)
    if n >= WideLinear.leastRows, bias == nil {
      let product = WideLinear(
        x: x, weight: try factor(weight, .bf16, name),
        lowRank: WideLinear.LowRank(factor: low, other: term.b))
      if product.isServed(driver) {
        let y = try make([n, outputs], .bf16)
        try multiply(product, into: y, name)
        return LinearOutput(y: y, reduced: reduced)
      }
    }
    let sum = try make([n, outputs], .f32)
    try multiply(low.factor, term.b.transposed, into: sum, name)
    if let y = try decodeLinear(x, weight, bias: bias, adding: sum) {
      return LinearOutput(y: y, reduced: reduced)
    }
    let matrix = try factor(weight, .bf16, name)
    let offsets = try bias.map { $0.dtype == .f32 ? $0 : try convert($0, to: .f32) }
    try multiply(x.factor, matrix.transposed, into: sum, beta: 1, bias: offsets, name)
    return LinearOutput(y: try convert(sum, to: .bf16), reduced: reduced)
  }

  /// The gradient of such a layer's x: `dy · W + drop(low · A)`, low `[n, rank]` being what has come back through B.
  func adaptedInput(
    _ dy: Tensor, _ matrix: Tensor, low: Tensor, _ term: AdapterFactors, reduced: Tensor,
    _ name: String
  ) throws -> Tensor {
    let target = try make([dy.rows, matrix.columns], .bf16)
    let product = WideLinear(
      x: dy, weight: matrix, isTurned: true, lowRank: input(low, term, reduced: reduced))
    if term.keepsMask, product.isServed(driver) {
      try multiply(product, into: target, name)
      return target
    }
    let sum = try make(target.shape, .f32)
    try spread(low, term, into: sum, name)
    try multiply(dy.factor, matrix.factor, into: sum, beta: 1, name)
    return try convert(sum, to: .bf16)
  }

  /// What comes back to such a layer's x through its adapter, `drop(low · A)`.
  func input(_ low: Tensor, _ term: AdapterFactors, reduced: Tensor) -> WideLinear.LowRank {
    WideLinear.LowRank(
      factor: low, other: term.a,
      mask: bits(of: reduced, term).map { ($0, term.survivorScale) })
  }
}

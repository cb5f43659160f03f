/// An operation of a backend with the shapes and types that its cost depends on.
public enum Operation: Hashable, Sendable {
  case embedding(WeightForm, ids: Int)
  case linear(n: Int, WeightForm, input: DType, bias: Bool, AdapterForm?, Precision)
  case linearBackward(
    n: Int, WeightForm, input: DType, gradient: DType, AdapterForm?, Precision, needsInput: Bool)
  case norm(n: Int, width: Int, adds: Bool, as: DType)
  case normBackward(n: Int, width: Int, adds: Bool)
  case attention(Segments, AttentionShape, Precision, keeps: Bool)
  case attentionBackward(Segments, AttentionShape, Precision, as: DType)
  case cachedAttention(new: Int, held: Int, AttentionShape)
  case swiGLU(n: Int, width: Int, as: DType)
  case swiGLUBackward(n: Int, width: Int, as: DType)
  case add(count: Int, DType)
  case accumulate(count: Int, DType)
  case crossEntropy(n: Int, WeightForm, isTaped: Bool, Precision)
  case product(m: Int, n: Int, k: Int, transposesA: Bool, transposesB: Bool)
  case sumOfSquares(count: Int, tensors: Int)
  case adamW(count: Int, tensors: Int)
  case gram(n: Int, width: Int, DType, Precision)
  case dequantize(WeightForm)
  case round(WeightForm, Grid, ScaleRule, isLimited: Bool)
  case requantize(WeightForm)
  case roundingError(WeightForm, of: DType, weighs: Bool)
  case inverseFactor(width: Int)
  case gptq(WeightForm, Grid, ScaleRule, ColumnOrder.Grouping?)
  case scaled(WeightForm, rows: Bool, columns: Bool)
  case addMagnitudes(n: Int, width: Int, DType)
  case relativeMagnitudes(WeightForm, group: Int?)
  case scaledRoundingCost(WeightForm, Grid, ScaleRule)
  case clippingLimits(WeightForm, Grid, ScaleRule)
  case divergence(n: Int, vocabulary: Int)
  case masked(n: Int, width: Int, DType)
  case columnDots(n: Int, width: Int, DType)
  case rowNorms(WeightForm)
  case eigenvectors(n: Int, count: Int)
  case survival(WeightForm)
  case convert(count: Int, DType, to: DType)
  case copy(count: Int, DType)
  case fill(count: Int, DType)
  case draw(count: Int, DType)
  case read(count: Int, DType)

  /// What it is called in a list, without its shapes.
  public var name: String {
    let text = "\(self)"
    return String(text.prefix { $0 != "(" })
  }
}

extension Operation {
  /// Floating-point operations, a multiplication and an addition counting as two. Products count in full; what is done
  /// to single elements counts roughly.
  public var flops: Double {
    switch self {
    case .embedding, .convert, .copy, .fill, .read: 0
    case .draw(let count, _): 4 * Double(count)
    case .linear(let n, let weight, _, _, let adapter, _):
      2 * Double(n) * Double(weight.count) + Self.lowRank(n, weight, adapter, products: 2)
    case .linearBackward(let n, let weight, _, _, let adapter, _, let needsInput):
      (needsInput ? 2 * Double(n) * Double(weight.count) : 0)
        + Self.lowRank(n, weight, adapter, products: needsInput ? 4 : 3)
    case .norm(let n, let width, _, _): 5 * Double(n) * Double(width)
    case .normBackward(let n, let width, _): 8 * Double(n) * Double(width)
    case .attention(let segments, let shape, _, _):
      4 * segments.pairs(window: shape.window) * Double(shape.heads * shape.width)
    case .attentionBackward(let segments, let shape, _, _):
      10 * segments.pairs(window: shape.window) * Double(shape.heads * shape.width)
    case .cachedAttention(let new, let held, let shape):
      4 * Double(new) * (Double(held) + Double(new + 1) / 2) * Double(shape.heads * shape.width)
    case .swiGLU(let n, let width, _): 6 * Double(n) * Double(width)
    case .swiGLUBackward(let n, let width, _): 12 * Double(n) * Double(width)
    case .add(let count, _), .accumulate(let count, _): Double(count)
    case .crossEntropy(let n, let head, let isTaped, _):
      (isTaped ? 4 : 2) * Double(n) * Double(head.count) + 4 * Double(n) * Double(head.rows)
    case .product(let m, let n, let k, _, _): 2 * Double(m) * Double(n) * Double(k)
    case .sumOfSquares(let count, _): 2 * Double(count)
    case .adamW(let count, _): 14 * Double(count)
    // One triangle: half of a product.
    case .gram(let n, let width, _, _): Double(n) * Double(width) * Double(width + 1)
    case .dequantize(let weight): 2 * Double(weight.count)
    case .round(let weight, _, let rule, _): (rule == .mse ? 480 : 6) * Double(weight.count)
    case .requantize(let weight): 6 * Double(weight.count)
    case .roundingError(let weight, _, let weighs):
      6 * Double(weight.count) + (weighs ? 4 * Double(weight.count) * Double(weight.columns) : 0)
    // A factorization, an inverse, and a factorization again.
    case .inverseFactor(let n): 4 / 3 * Double(n) * Double(n) * Double(n)
    case .gptq(let weight, _, let rule, _):
      Double(weight.count) * Double(weight.columns) + (rule == .mse ? 480 : 6)
        * Double(weight.count)
    case .scaled(let weight, _, _): 2 * Double(weight.count)
    case .divergence(let n, let vocabulary): 12 * Double(n) * Double(vocabulary)
    case .masked(let n, let width, _): 3 * Double(n) * Double(width)
    case .columnDots(let n, let width, _): 2 * Double(n) * Double(width)
    case .rowNorms(let form): 2 * Double(form.count)
    // To three diagonals, and the vectors back from there.
    case .eigenvectors(let n, let count):
      4 / 3 * Double(n) * Double(n) * Double(n) + 2 * Double(n) * Double(n) * Double(count)
    case .survival(let form): 12 * Double(form.count)
    case .addMagnitudes(let n, let width, _): 2 * Double(n) * Double(width)
    case .relativeMagnitudes(let weight, _): 3 * Double(weight.count)
    case .scaledRoundingCost(let weight, _, let rule):
      2 * Double(weight.count) * Double(weight.columns)
        + (rule == .mse ? 480 : 8) * Double(weight.count)
    case .clippingLimits(let weight, let grid, let rule):
      10 * Double(weight.count)
        * (2 * Double(grid.width(columns: weight.columns)) + (rule == .mse ? 480 : 6))
    }
  }

  /// Bytes that it reads and writes at least.
  public var bytes: Double {
    func matrix(_ n: Int, _ width: Int, _ size: Int) -> Double { Double(n * size) * Double(width) }
    switch self {
    case .embedding(let table, let ids): return matrix(ids, table.columns, table.dtype.size + 4)
    case .linear(let n, let weight, let input, _, _, _):
      return Double(weight.byteCount) + matrix(n, weight.columns, input.size)
        + matrix(n, weight.rows, 4)
    case .linearBackward(let n, let weight, let input, let gradient, _, _, _):
      return Double(weight.byteCount) + matrix(n, weight.columns, input.size + 4)
        + matrix(n, weight.rows, gradient.size)
    case .norm(let n, let width, let adds, let type):
      return matrix(n, width, (adds ? 12 : 4) + type.size)
    case .normBackward(let n, let width, let adds): return matrix(n, width, adds ? 16 : 12)
    case .attention(let segments, let shape, _, _):
      return matrix(segments.tokens, (2 * shape.heads + 2 * shape.keyValueHeads) * shape.width, 4)
    case .attentionBackward(let segments, let shape, _, _):
      return matrix(segments.tokens, (4 * shape.heads + 4 * shape.keyValueHeads) * shape.width, 4)
    case .cachedAttention(let new, let held, let shape):
      return matrix(new + held, 2 * shape.keyValueHeads * shape.width, 4)
    case .swiGLU(let n, let width, let type): return matrix(n, width, 8 + type.size)
    case .swiGLUBackward(let n, let width, let type): return matrix(n, width, 12 + 2 * type.size)
    case .add(let count, let type), .accumulate(let count, let type):
      return 3 * Double(count * type.size)
    case .crossEntropy(let n, let head, let isTaped, _):
      return Double(head.byteCount) + matrix(n, head.columns, isTaped ? 8 : 4)
    case .product(let m, let n, let k, _, _): return 4 * Double(m * k + k * n + m * n)
    case .sumOfSquares(let count, _): return 4 * Double(count)
    case .adamW(let count, _): return 28 * Double(count)
    case .gram(let n, let width, let type, _):
      return matrix(n, width, type.size) + matrix(width, width, 8)
    case .dequantize(let weight): return Double(weight.byteCount + 4 * weight.count)
    case .round(let weight, let grid, _, _), .gptq(let weight, let grid, _, _):
      return Double(weight.byteCount) + Double(weight.count) * Double(grid.bits) / 8
    case .requantize(let weight): return Double(2 * weight.byteCount + 4 * weight.count)
    case .roundingError(let weight, let type, let weighs):
      return Double(weight.byteCount + weight.count * type.size)
        + (weighs ? matrix(weight.columns, weight.columns, 4) : 0)
    case .inverseFactor(let n): return matrix(n, n, 12)
    case .scaled(let weight, _, _): return Double(weight.byteCount + 4 * weight.count)
    case .addMagnitudes(let n, let width, let type): return matrix(n, width, type.size)
    case .divergence(let n, let vocabulary): return matrix(n, vocabulary, 8)
    case .masked(let n, let width, let type), .columnDots(let n, let width, let type):
      return matrix(n, width, 2 * type.size)
    case .rowNorms(let form): return Double(form.byteCount)
    case .eigenvectors(let n, let count): return matrix(n + count, n, 4)
    case .survival(let form):
      return Double(2 * form.byteCount) + matrix(form.rows, form.columns, 12)
    case .relativeMagnitudes(let weight, _), .scaledRoundingCost(let weight, _, _),
      .clippingLimits(let weight, _, _):
      return Double(weight.byteCount)
    case .convert(let count, let from, let to): return Double(count * (from.size + to.size))
    case .copy(let count, let type): return Double(2 * count * type.size)
    case .fill(let count, let type), .draw(let count, let type): return Double(count * type.size)
    case .read(let count, let type): return Double(count * (type.size + 4))
    }
  }

  /// Of so many of the products between the tokens, the factors and the layer's two sides.
  private static func lowRank(
    _ n: Int, _ weight: WeightForm, _ adapter: AdapterForm?, products: Int
  ) -> Double {
    guard let adapter else { return 0 }
    return Double(products) * Double(n) * Double(adapter.rank)
      * Double(weight.rows + weight.columns)
  }
}

extension Segments {
  /// Pairs of a token and one that it looks back at, itself included.
  func pairs(window: Int?) -> Double {
    (0..<count).reduce(0.0) { sum, index in
      let length = self[index].count
      let window = min(window ?? length, length)
      // The first `window` tokens see all before them, the others as many as the window holds.
      return sum + Double(window) * Double(window + 1) / 2 + Double(length - window)
        * Double(window)
    }
  }
}

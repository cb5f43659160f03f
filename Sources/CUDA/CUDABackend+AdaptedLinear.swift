import Synchronization
import Tensor

/// The forward product of a linear layer with an adapter, in bf16.
///
/// Both products are summed in f32 before they are rounded. A library that is asked to add to a bf16 matrix rounds its product
/// first, and of what a young adapter adds, far below the last bit of what it is added to, half is then lost. So x and
/// `drop(x)·Aᵀ` stand side by side, W and B likewise, and one product has it all; for few rows, for which W is not worth copying,
/// the sum stands in memory as f32.
extension CUDABackend {
  /// `[rows, columns]` in bf16 that linears will read: rows have room behind them for what an adapter makes of x, where
  /// adapters were seen.
  func makeInput(_ rows: Int, _ columns: Int) throws -> Tensor {
    let spare = adapterRank.load(ordering: .relaxed)
    guard spare > 0, rows > 1, columns % 8 == 0 else { return try make([rows, columns], .bf16) }
    let storage = try DeviceStorage(
      byteCount: rows * (columns + spare) * 2, spare: spare, memory: memory, "make")
    return Tensor(
      storage, shape: [rows, columns], dtype: .bf16, offset: 0, rowStride: columns + spare)
  }

  func adaptedLinear(
    _ x: Tensor, _ weight: Weight, bias: Tensor?, adapter: AdapterTerm, _ name: String
  ) throws -> LinearOutput {
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    let term = try AdapterFactors(adapter, inputs, outputs, .bf16, self)
    let joins = inputs % 8 == 0 && term.rank % 8 == 0
    if joins, adapterRank.load(ordering: .relaxed) < term.rank {
      adapterRank.store(term.rank, ordering: .relaxed)
    }
    // What a copy of W moves, against what a sum in f32 moves.
    guard joins, 14 * n > 4 * inputs else {
      let reduced = try reduce(x, term, name)
      let sum = try make([n, outputs], .f32)
      try multiply(term.low(reduced).factor, term.b.transposed, into: sum, name)
      if let y = try decodeLinear(x, weight, bias: bias, adding: sum) {
        return LinearOutput(y: y, reduced: reduced)
      }
      let matrix = try factor(weight, .bf16, name)
      let offsets = try bias.map { $0.dtype == .f32 ? $0 : try convert($0, to: .f32) }
      try multiply(x.factor, matrix.transposed, into: sum, beta: 1, bias: offsets, name)
      return LinearOutput(y: try convert(sum, to: .bf16), reduced: reduced)
    }
    let input = try x.widened(by: term.rank) ?? widened(x, by: term.rank)
    let reduced = try reduce(
      input.columns(0..<inputs), term, beside: input.columns(inputs..<inputs + term.rank), name)
    let y = try make([n, outputs], .bf16)
    let offsets = try bias.map { $0.dtype == .bf16 ? $0 : try convert($0, to: .bf16) }
    try multiply(
      input.factor, try joined(weight, term.b, name).transposed, into: y, bias: offsets, name)
    return LinearOutput(y: y, reduced: reduced)
  }

  /// A copy of x with room behind its rows.
  private func widened(_ x: Tensor, by rank: Int) throws -> Tensor {
    let copy = try make([x.rows, x.columns + rank], .bf16)
    try self.copy(x, into: copy.columns(0..<x.columns))
    return copy
  }

  /// `[out, in + rank]`: W and behind it scale · B.
  private func joined(_ weight: Weight, _ b: Tensor, _ name: String) throws -> Tensor {
    let (inputs, outputs) = (weight.columns, weight.rows)
    let result = try make([outputs, inputs + b.columns], .bf16)
    var matrix: Tensor?
    switch weight {
    case .packed(let packed):
      try dequantize(packed, into: result.columns(0..<inputs), name)
    case .dense(let tensor):
      matrix = try factor(tensor, .bf16, name)
      if let found = matrix, !found.isAligned { matrix = try convert(found, to: .bf16) }
    }
    try launch(
      .lora, "join", grid: Extent(outputs), block: 256, matrix, matrix?.stride ?? 0, b, result,
      Int32(inputs), Int32(b.columns))
    return result
  }
}

extension Tensor {
  /// A tensor of `makeInput` together with `count` of the columns that its rows have to spare; nil for others.
  fileprivate func widened(by count: Int) -> Tensor? {
    guard let storage = storage as? DeviceStorage, storage.spare >= count, rows > 1,
      dtype == .bf16, rowStride == columns + storage.spare, offset % rowStride == 0
    else { return nil }
    return Tensor(
      storage, shape: [rows, columns + count], dtype: dtype, offset: offset, rowStride: rowStride)
  }
}

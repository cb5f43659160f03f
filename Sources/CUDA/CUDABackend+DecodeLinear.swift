import Synchronization
import Tensor

extension CUDABackend {
  /// `x · Wᵀ + bias + addend` for up to eight rows, the weight read once as it is stored; nil where the kernel does not serve
  /// its type, grid or shape. The addend is f32 `[n, out]`, contiguous.
  func decodeLinear(_ x: Tensor, _ weight: Weight, bias: Tensor?, adding addend: Tensor? = nil)
    throws -> Tensor?
  {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    guard (1...8).contains(n), x.isAligned, let form = DecodeForm(weight, rows: outputs) else {
      return nil
    }
    // x, its sums over units, and what each warp adds.
    let shared = n * inputs * 2 + 8 * (inputs / form.unit) * 4 + form.warps * 128 * 4 + 16
    guard shared <= driver.sharedMemory else { return nil }
    let y = try make([n, outputs], .bf16)
    let grid = Extent((outputs + 15) / 16)
    // It begins to read weights before what came before it has ended.
    let early = weight.isSettled
    switch weight {
    case .dense(let tensor):
      try check(tensor, name, "weight")
      try launch(
        form.source, "decode_linear", grid: grid, block: Extent(32 * form.warps), shared: shared,
        early: early, x,
        x.stride, Int32(n),
        tensor, tensor.stride * 2, nil as Tensor?, nil as Tensor?, Float(0),
        Int32(1), bias, bias?.dtype.code ?? 0, addend, y, Int32(outputs), Int32(inputs))
    case .packed(let matrix):
      try check(matrix, name)
      try launch(
        form.source, "decode_linear", grid: grid, block: Extent(32 * form.warps), shared: shared,
        early: early, x,
        x.stride, Int32(n),
        matrix.codes, matrix.codes.stride, matrix.scales, matrix.zeros,
        Float(matrix.grid.midpoint), Int32(matrix.scales.columns), bias,
        bias?.dtype.code ?? 0, addend, y, Int32(outputs), Int32(inputs))
    }
    return y
  }
}

extension Weight {
  /// Whether all of it was written before the device was last waited for.
  fileprivate var isSettled: Bool {
    let tensors: [Tensor?] =
      switch self {
      case .dense(let tensor): [tensor]
      case .packed(let matrix): [matrix.codes, matrix.scales, matrix.zeros]
      }
    return tensors.allSatisfy {
      $0.map { ($0.storage as? DeviceStorage)?.isSettled ?? false } ?? true
    }
  }
}

/// The variant of the kernel that serves a weight.
struct DecodeForm {
  let source: KernelSource
  /// Columns that four lanes take together.
  let unit: Int
  /// Warps of a block.
  let warps: Int

  init?(_ weight: Weight, rows: Int) {
    let bits: Int
    let span: Int
    let halves: Bool
    switch weight {
    case .dense(let tensor):
      guard tensor.dtype == .bf16, tensor.isAligned else { return nil }
      (bits, unit, span, halves) = (16, 64, 1, false)
    case .packed(let matrix):
      let width = matrix.grid.width(columns: matrix.columns)
      bits = matrix.grid.bits
      unit = width % 128 == 0 ? 128 : width
      span = width / unit
      halves = matrix.scales.dtype == .f16
      // A lane takes whole words.
      guard matrix.groupIndex == nil, [32, 64, 128].contains(unit), unit * bits % 128 == 0,
        bits != 3 || unit == 128, matrix.codes.address % 16 == 0
      else { return nil }
    }
    let units = weight.columns / unit
    guard units * unit == weight.columns else { return nil }
    // Two units a warp and turn. Where blocks alone do not fill the card, more warps share a row's columns.
    let (blocks, pairs) = ((rows + 15) / 16, (units + 1) / 2)
    if bits >= 8 {
      warps = bits == 8 && blocks >= 400 ? 4 : units > 96 ? 16 : 8
    } else if blocks >= 400 {
      warps = 4
    } else {
      let turns = pairs <= 16 ? 1 : (pairs + 10) / 11
      warps = max(4, (pairs + turns - 1) / turns)
    }
    source = Self.source(
      ["BITS": bits, "UNIT": unit, "SPAN": span, "WARPS": warps, "HALF_SCALES": halves ? 1 : 0])
  }

  private static let sources = Mutex<[[String: Int]: KernelSource]>([:])

  static func source(_ choices: [String: Int]) -> KernelSource {
    sources.withLock { known in
      if let found = known[choices] { return found }
      let source = KernelSource(
        "decode_linear",
        PackageResources.tensor_core_cuh + PackageResources.decode_weights_cuh
          + PackageResources.decode_linear_cu,
        defines: choices.map { "\($0)=\($1)" }.sorted())
      known[choices] = source
      return source
    }
  }
}

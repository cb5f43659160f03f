import Synchronization
import Tensor

extension CUDABackend {
  /// `x · Wᵀ + bias` for up to eight rows, the weight read once as it is stored; nil where the kernel does not serve its
  /// type, grid or shape.
  func decodeLinear(_ x: Tensor, _ weight: Weight, bias: Tensor?) throws -> Tensor? {
    let name = "linear"
    let (n, inputs, outputs) = (x.rows, weight.columns, weight.rows)
    guard (1...8).contains(n), x.isAligned, let form = DecodeForm(weight) else { return nil }
    let shared = n * inputs * 2 + 8 * (inputs / form.unit) * 4 + 8 * 128 * 4
    guard shared <= driver.sharedMemory else { return nil }
    let y = try make([n, outputs], .bf16)
    let grid = Extent((outputs + 15) / 16)
    switch weight {
    case .dense(let tensor):
      try check(tensor, name, "weight")
      try launch(
        form.source, "decode_linear", grid: grid, block: 256, shared: shared, x, x.stride, Int32(n),
        tensor, tensor.stride * 2, nil as Tensor?, nil as Tensor?, Float(0),
        Int32(inputs), bias, bias?.dtype.code ?? 0, y, Int32(outputs), Int32(inputs))
    case .packed(let matrix):
      try check(matrix, name)
      try launch(
        form.source, "decode_linear", grid: grid, block: 256, shared: shared, x, x.stride, Int32(n),
        matrix.codes, matrix.codes.stride, matrix.scales, matrix.zeros,
        Float(matrix.grid.midpoint), Int32(matrix.grid.width(columns: inputs)), bias,
        bias?.dtype.code ?? 0, y, Int32(outputs), Int32(inputs))
    }
    return y
  }
}

/// The variant of the kernel that serves a weight.
struct DecodeForm {
  let source: KernelSource
  /// Columns that four lanes take together.
  let unit: Int

  init?(_ weight: Weight) {
    let bits: Int
    var halves = false
    switch weight {
    case .dense(let tensor):
      guard tensor.dtype == .bf16, tensor.isAligned else { return nil }
      (bits, unit) = (16, 128)
    case .packed(let matrix):
      let width = matrix.grid.width(columns: matrix.columns)
      bits = matrix.grid.bits
      halves = matrix.scales.dtype == .f16
      unit = width % 128 == 0 ? 128 : width
      // A lane takes whole words.
      guard matrix.groupIndex == nil, [32, 64, 128].contains(unit), unit * bits % 128 == 0,
        bits != 3 || unit == 128, matrix.codes.address % 16 == 0
      else { return nil }
    }
    guard weight.columns % unit == 0 else { return nil }
    source = Self.source(bits, unit, hasHalfScales: halves)
  }

  private static let sources = Mutex<[[Int]: KernelSource]>([:])

  static func source(_ bits: Int, _ unit: Int, hasHalfScales: Bool) -> KernelSource {
    sources.withLock { known in
      let key = [bits, unit, hasHalfScales ? 1 : 0]
      if let found = known[key] { return found }
      let source = KernelSource(
        "decode_linear", PackageResources.tensor_core_cuh + PackageResources.decode_linear_cu,
        defines: ["BITS=\(bits)", "UNIT=\(unit)", "HALF_SCALES=\(hasHalfScales ? 1 : 0)"])
      known[key] = source
      return source
    }
  }
}

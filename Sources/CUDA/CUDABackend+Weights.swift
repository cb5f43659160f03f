import Tensor

extension KernelSource {
  static let dequantize = KernelSource("dequantize", PackageResources.dequantize_cu)
}

/// `Packed` of dequantize.cu.
struct PackedParameter: BitwiseCopyable {
  var codes, scales, zeros, index: UInt64
  var rows, columns, bits, group, groups, bytesPerRow, halfScales, midpoint: Int32

  init(_ matrix: PackedMatrix) {
    codes = matrix.codes.address
    scales = matrix.scales.address
    zeros = matrix.zeros?.address ?? 0
    index = matrix.groupIndex?.address ?? 0
    rows = Int32(matrix.rows)
    columns = Int32(matrix.columns)
    bits = Int32(matrix.grid.bits)
    group = Int32(matrix.grid.width(columns: matrix.columns))
    groups = Int32(matrix.scales.columns)
    bytesPerRow = Int32(matrix.codes.columns)
    halfScales = matrix.scales.dtype == .f16 ? 1 : 0
    midpoint = Int32(matrix.grid.midpoint)
  }
}

extension CUDABackend {
  public func dequantize(_ matrix: PackedMatrix) throws -> Tensor {
    try dequantize(matrix, as: .f32, "dequantize")
  }

  /// The weights that the codes stand for, as f32 or bf16 `[rows, columns]`.
  func dequantize(_ matrix: PackedMatrix, as type: DType, _ operation: String) throws -> Tensor {
    let y = try make([matrix.rows, matrix.columns], type)
    try dequantize(matrix, into: y, operation)
    return y
  }

  /// The same into a view, whose rows begin at multiples of 16 bytes.
  func dequantize(_ matrix: PackedMatrix, into y: Tensor, _ operation: String) throws {
    try check(matrix, operation)
    let type = y.dtype
    let parameter = KernelBytes(PackedParameter(matrix))
    let width = matrix.grid.width(columns: matrix.columns)
    if type == .bf16, matrix.grid.bits == 4, matrix.groupIndex == nil, matrix.columns % 8 == 0,
      width % 8 == 0, matrix.codes.address % 4 == 0
    {
      try launch(
        .dequantize, "dequantize4_bf16",
        grid: Extent(matrix.rows * ((matrix.columns + 4095) / 4096)), block: 128, parameter, y,
        y.stride)
      return
    }
    let tiles = RowTiles(rows: matrix.rows, columns: matrix.columns)
    try launch(
      .dequantize, type == .bf16 ? "dequantize_bf16" : "dequantize_f32", grid: tiles.grid,
      block: 256, parameter, y, y.stride)
  }

  func check(_ matrix: PackedMatrix, _ operation: String) throws {
    let grid = matrix.grid
    let bytes = PackedMatrix.bytesPerRow(columns: matrix.columns, bits: grid.bits)
    try check(matrix.codes, operation, "codes", rows: matrix.rows, columns: bytes, .u8)
    try check(
      matrix.scales, operation, "scales", rows: matrix.rows,
      columns: grid.groups(columns: matrix.columns))
    try require(
      matrix.scales.dtype == .f32 || matrix.scales.dtype == .f16, operation,
      expected: "scales in f32 or f16", found: matrix.scales.summary)
    for tensor in [matrix.codes, matrix.scales, matrix.zeros] {
      try require(
        tensor?.isContiguous ?? true, operation, expected: "contiguous codes, scales and zeros",
        found: tensor?.summary ?? "")
    }
    if let zeros = matrix.zeros {
      try check(
        zeros, operation, "zeros", rows: matrix.rows, columns: matrix.scales.columns, .u8)
    }
    if let index = matrix.groupIndex {
      try require(
        index.count == matrix.columns && index.dtype == .i32, operation,
        expected: "an index i32 [\(matrix.columns)]", found: index.summary)
      try check(index, operation, "index")
    }
  }

  /// A weight as a factor of `type`: itself where it has that type, else a copy that lives as long as the result.
  func factor(_ weight: Weight, _ type: DType, _ operation: String) throws -> Tensor {
    switch weight {
    case .packed(let matrix): return try dequantize(matrix, as: type, operation)
    case .dense(let tensor): return try factor(tensor, type, operation)
    }
  }

  func factor(_ tensor: Tensor, _ type: DType, _ operation: String) throws -> Tensor {
    try check(tensor, operation, "a factor", rows: nil, columns: nil)
    return tensor.dtype == type ? tensor : try convert(tensor, to: type)
  }
}

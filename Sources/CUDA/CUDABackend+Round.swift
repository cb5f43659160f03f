import Runtime
import Tensor

extension KernelSource {
  static let round = KernelSource(
    "round", PackageResources.grid_cuh + PackageResources.round_cu)
}

/// `Grid` of grid.cuh.
struct GridParameter: BitwiseCopyable {
  var largest, midpoint: Float
  var symmetric, halfScales, shrinks: Int32

  init(_ grid: Grid, _ rule: ScaleRule) {
    largest = Float(grid.maximum)
    midpoint = Float(grid.midpoint)
    symmetric = grid.symmetric ? 1 : 0
    halfScales = grid.scaleType == .f16 ? 1 : 0
    shrinks = rule == .mse ? 80 : 0
  }
}

/// A packed matrix under construction: codes one a byte, then packed.
struct PackedOutput {
  let rows: Int
  let columns: Int
  let grid: Grid
  let groups: Int
  /// u8 `[rows, columns]`.
  let codes: Tensor
  /// `[rows, groups]`.
  let scales: Tensor
  let zeros: Tensor?
  /// i32: bit 0 for a weight that is no number, bit 1 for a scale that its type cannot hold.
  let faults: Tensor

  /// - Throws: `ShapeMismatch` for a grid that does not fit the matrix.
  init(rows: Int, columns: Int, grid: Grid, _ operation: String, _ backend: CUDABackend) throws {
    try require(
      [2, 3, 4, 8].contains(grid.bits), operation, expected: "2, 3, 4 or 8 bits",
      found: "\(grid.bits)")
    let width = grid.width(columns: columns)
    try require(
      columns > 0 && width > 0 && columns % width == 0, operation,
      expected: "a group that divides \(columns) columns", found: "\(width)")
    try require(
      grid.scaleType == .f32 || grid.scaleType == .f16, operation,
      expected: "scales in f32 or f16", found: grid.scaleType.rawValue)
    (self.rows, self.columns, self.grid) = (rows, columns, grid)
    groups = columns / width
    codes = try backend.make([rows, columns], .u8)
    scales = try backend.make([rows, groups], grid.scaleType)
    zeros = grid.symmetric ? nil : try backend.make([rows, groups], .u8)
    faults = try backend.make([1], .i32)
    try backend.fill(faults, with: 0)
  }

  /// The matrix, once its codes are there.
  ///
  /// - Parameter places: i32 `[columns]`: where the code of each column stands in its row; nil for its own place.
  /// - Throws: `NotFinite` where the kernels found a fault.
  func matrix(
    places: Tensor? = nil, groupIndex: Tensor? = nil, _ operation: String, _ backend: CUDABackend
  ) throws -> PackedMatrix {
    let bytes = PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)
    let packed = try backend.make([rows, bytes], .u8)
    try backend.launch(
      .round, "pack_codes", grid: RowTiles(rows: rows, columns: bytes).grid, block: 256, codes,
      places, Int32(columns), Int32(grid.bits), packed, Int32(bytes))
    let found = try backend.download(faults, as: Int32.self, operation)[0]
    if found & 1 != 0 { throw NotFinite(operation: operation, what: "weight") }
    if found & 2 != 0 { throw NotFinite(operation: operation, what: "scales") }
    return PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: packed, scales: scales, zeros: zeros,
      groupIndex: groupIndex)
  }
}

extension CUDABackend {
  public func round(_ weight: Tensor, to grid: Grid, rule: ScaleRule, limits: Tensor?) throws
    -> PackedMatrix
  {
    let name = "round"
    try check(weight, name, "weight", rows: nil, columns: nil)
    let (rows, columns) = (weight.rows, weight.columns)
    let output = try PackedOutput(rows: rows, columns: columns, grid: grid, name, self)
    if let limits {
      try check(limits, name, "limits", rows: rows, columns: output.groups, .f32)
    }
    try launch(
      .round, "round_groups", grid: Extent((rows * output.groups + 3) / 4), block: 128, weight,
      weight.stride, weight.dtype.code, Int32(rows), Int32(columns),
      Int32(grid.width(columns: columns)), limits, limits?.stride ?? 0,
      KernelBytes(GridParameter(grid, rule)), output.codes, output.scales, output.zeros,
      output.faults)
    return try output.matrix(name, self)
  }
}

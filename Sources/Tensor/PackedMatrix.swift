/// How weights are rounded: the grid of codes that a group of weights shares.
public struct Grid: Sendable, Hashable {
  /// Bits per code: 2, 3, 4 or 8.
  public var bits: Int
  /// Weights per group along a row, or nil for whole rows.
  public var group: Int?
  /// Symmetric grids have the fixed zero point 2^(bits−1); asymmetric ones store a zero point per group.
  public var symmetric: Bool
  /// The type in which scales are kept; weights are rounded on the scale as stored.
  public var scaleType: DType

  public init(bits: Int, group: Int?, symmetric: Bool, scaleType: DType = .f32) {
    self.bits = bits
    self.group = group
    self.symmetric = symmetric
    self.scaleType = scaleType
  }

  /// The largest code, 2^bits − 1.
  public var maximum: Int { (1 << bits) - 1 }
  /// The zero point of a symmetric grid, 2^(bits−1).
  public var midpoint: Int { 1 << (bits - 1) }
  /// Groups in a row of `columns` weights.
  public func groups(columns: Int) -> Int { group.map { (columns + $0 - 1) / $0 } ?? 1 }
  /// Weights per group in a row of `columns` weights.
  public func width(columns: Int) -> Int { group ?? columns }
}

/// A quantized weight matrix `[rows, columns]`: packed codes, one scale (and zero point) per group.
///
/// Element (i, j) is `(code − zero) · scale` with the zero and scale of row i and group `groupIndex[j]`
/// (`j / group` where there is no index). Codes of a row are a little-endian bit stream: with 4 bits the low nibble is
/// the even column; with 3 bits eight codes take three bytes; rows start at a byte.
public struct PackedMatrix: Sendable {
  public let rows: Int
  public let columns: Int
  public let grid: Grid
  /// u8 `[rows, bytesPerRow]`.
  public let codes: Tensor
  /// f32 or f16 `[rows, groups]`.
  public let scales: Tensor
  /// u8 `[rows, groups]`, one zero point a byte; nil where the grid is symmetric.
  public let zeros: Tensor?
  /// i32 `[columns]`: the group of each column, for orders that permute columns; nil for `j / group`.
  public let groupIndex: Tensor?

  public init(
    rows: Int, columns: Int, grid: Grid, codes: Tensor, scales: Tensor, zeros: Tensor?,
    groupIndex: Tensor? = nil
  ) {
    self.rows = rows
    self.columns = columns
    self.grid = grid
    self.codes = codes
    self.scales = scales
    self.zeros = zeros
    self.groupIndex = groupIndex
  }

  /// Bytes that a row of `columns` codes takes.
  public static func bytesPerRow(columns: Int, bits: Int) -> Int { (columns * bits + 7) / 8 }

  /// Bytes held in memory: codes, scales, zero points and index.
  public var byteCount: Int {
    codes.byteCount + scales.byteCount + (zeros?.byteCount ?? 0) + (groupIndex?.byteCount ?? 0)
  }
}

/// The weight of a linear layer, `[out, in]`.
public enum Weight: Sendable {
  /// f32, f16 or bf16, as stored.
  case dense(Tensor)
  case packed(PackedMatrix)

  /// Outputs.
  public var rows: Int {
    switch self {
    case .dense(let tensor): tensor.rows
    case .packed(let matrix): matrix.rows
    }
  }

  /// Inputs.
  public var columns: Int {
    switch self {
    case .dense(let tensor): tensor.columns
    case .packed(let matrix): matrix.columns
    }
  }

  public var byteCount: Int {
    switch self {
    case .dense(let tensor): tensor.byteCount
    case .packed(let matrix): matrix.byteCount
    }
  }
}

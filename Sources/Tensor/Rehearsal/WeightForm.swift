/// What of a weight matters to the cost of working with it.
public struct WeightForm: Hashable, Sendable {
  public var rows: Int
  public var columns: Int
  /// Of a float weight, or of the scales of a packed one.
  public var dtype: DType
  /// Nil for a float weight.
  public var grid: Grid?
  /// Whether columns name their groups.
  public var isIndexed = false

  public init(_ weight: Weight) {
    switch weight {
    case .dense(let tensor): self.init(tensor)
    case .packed(let matrix): self.init(matrix)
    }
  }

  public init(_ matrix: PackedMatrix) {
    (rows, columns) = (matrix.rows, matrix.columns)
    dtype = matrix.scales.dtype
    grid = matrix.grid
    isIndexed = matrix.groupIndex != nil
  }

  public init(_ tensor: Tensor) {
    (rows, columns) = (tensor.rows, tensor.columns)
    dtype = tensor.dtype
  }

  public var count: Int { rows * columns }

  public var byteCount: Int {
    guard let grid else { return count * dtype.size }
    let groups = rows * grid.groups(columns: columns)
    return rows * PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)
      + groups * (dtype.size + (grid.symmetric ? 0 : 1)) + (isIndexed ? 4 * columns : 0)
  }
}

/// What of an adapter matters to the cost of working with it.
public struct AdapterForm: Hashable, Sendable {
  public var rank: Int
  public var drops: Bool

  public init(_ term: AdapterTerm) {
    rank = term.rank
    drops = term.dropout > 0 && term.mask != nil
  }
}

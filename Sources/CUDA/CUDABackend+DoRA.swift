import Tensor

extension CUDABackend {
  public func masked(
    _ x: Tensor, by mask: RandomStream, dropout: Float, survivors: Float, hidden: Float
  ) throws -> Tensor {
    try check(x, "masked", "x", rows: nil, columns: nil)
    let y = try make([x.rows, x.columns], x.dtype)
    let tiles = RowTiles(rows: x.rows, columns: x.columns)
    try launch(
      .lora, "drop_any", grid: tiles.grid, block: 256, x, x.stride, y, x.dtype.code,
      Int32(x.columns), tiles.count, UInt32(truncatingIfNeeded: mask.key),
      UInt32(truncatingIfNeeded: mask.key >> 32),
      AdapterTerm.threshold(dropout: dropout) * 0x1_0001, survivors,
      hidden)
    return y
  }

  public func columnDots(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    let name = "columnDots"
    let width = a.columns
    try check(a, name, "a", rows: nil, columns: nil)
    try check(b, name, "b", rows: a.rows, columns: width)
    let parts = max(1, (a.rows + 255) / 256)
    let partial = try make([parts, width], .f32)
    try launch(
      .measure, "column_dots", grid: Extent((width + 255) / 256, parts), block: 256, a, a.stride,
      a.dtype.code, b, b.stride, b.dtype.code, Int32(a.rows), Int32(width), partial)
    let result = try make([width], .f32)
    try addParts(partial, parts, into: result, adds: false)
    return result
  }

  public func rowNorms(_ matrix: Tensor) throws -> Tensor {
    try check(matrix, "rowNorms", "matrix", rows: nil, columns: nil)
    let result = try make([matrix.rows], .f32)
    try launch(
      .measure, "row_norms", grid: Extent(matrix.rows), block: 256, matrix, matrix.stride,
      matrix.dtype.code, Int32(matrix.columns), result)
    return result
  }
}

/// The hot loops of quantization, on tiles: 16 rows of a matrix, transposed, so that a tile of n columns is n vectors of
/// 16 floats and every step of an algorithm that walks over columns serves 16 rows at once.
///
/// A scale, a zero point or a limit of a tile is one vector, too. Tiles are aligned to 64 bytes. Kernels check nothing:
/// the backend has.
public protocol TileKernels {
  typealias Floats = UnsafePointer<Float>
  typealias MutableFloats = UnsafeMutablePointer<Float>

  // MARK: Rows to tiles and back

  /// Transposes `rows` rows, `stride` floats apart, into a tile; missing rows are 0.
  ///
  /// - Returns: whether all elements are finite.
  static func loadTile(
    _ source: Floats, _ stride: Int, _ rows: Int, _ columns: Int, _ tile: MutableFloats
  ) -> Bool
  /// Packs the codes of a tile (16 bytes a column) into little-endian bit streams, one a row, `stride` bytes apart. The
  /// codes of column j stand at `places[j]`, or at j.
  static func packTile(
    _ codes: UnsafePointer<UInt8>, _ places: UnsafePointer<Int32>?, _ rows: Int, _ columns: Int,
    _ bits: Int, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int)
  /// `y = x · factors[j]`, column by column; y may be x.
  static func scaleTile(
    _ x: Floats, _ columns: Int, _ factors: Floats, _ y: MutableFloats)
  /// `y = x / factors[j] − w`, column by column, factors 1 where nil; y may be x.
  static func compareTile(
    _ x: Floats, _ columns: Int, _ factors: Floats?, _ w: Floats, _ y: MutableFloats)
  /// Clamps to ±limit.
  static func clampTile(_ tile: MutableFloats, _ columns: Int, _ limit: Floats)

  // MARK: Rounding

  /// The scale and zero point of a group that the tile's columns form.
  static func findGrid(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ scale: MutableFloats,
    _ zero: MutableFloats)
  /// Rounds all columns on one scale and zero point: the codes and the weights they stand for, where wanted. `values` may
  /// be `tile`.
  static func roundTile(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ scale: Floats, _ zero: Floats,
    _ codes: UnsafeMutablePointer<UInt8>?, _ values: MutableFloats?)
  /// One block of GPTQ: rounds the columns in turn and spreads each one's error over those after it by the rows of the
  /// Cholesky factor, `stride` floats apart. Errors, divided by the factor's diagonal, are left in `errors`.
  ///
  /// With `groups` the scale and zero point of column j are number `groups[j]` of those given; without, they are found
  /// when the walk reaches a group of `group` columns, and stored.
  static func gptqTile(
    _ tile: MutableFloats, _ columns: Int, _ factor: Floats, _ stride: Int, _ grid: TileGrid,
    _ group: Int, _ groups: UnsafePointer<Int32>?, _ scales: MutableFloats,
    _ zeros: MutableFloats, _ codes: UnsafeMutablePointer<UInt8>, _ errors: MutableFloats)
  /// `tile −= errors · factor`: what a block of `count` columns leaves to `columns` later ones.
  static func spreadErrors(
    _ errors: Floats, _ count: Int, _ factor: Floats, _ stride: Int, _ tile: MutableFloats,
    _ columns: Int)

  // MARK: Measuring

  /// Adds to `total` the part of `Σ_ij d_i · h_ij · d_j` with i in `first..<last` and j ≤ i, the latter counted for both
  /// triangles: h is symmetric, with rows `stride` floats apart, and nothing above its diagonal is read.
  static func addQuadratic(
    _ tile: Floats, _ h: Floats, _ stride: Int, _ first: Int, _ last: Int, _ total: MutableFloats)
  /// The symmetric clipping limit of a group with the least `d · h · dᵀ`, d the rounded clipped weights less the weights:
  /// the largest magnitude less `step` · 0…(steps − 1) of itself. `scratch` holds as much as the tile.
  static func findLimit(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ h: Floats, _ stride: Int, _ step: Float,
    _ steps: Int, _ scratch: MutableFloats, _ limit: MutableFloats)
  /// `sums[j] += Σ |w_j| / (largest |w| of the row in this group + 10⁻⁶)`, over the tile's rows.
  static func addRelativeMagnitudes(_ tile: Floats, _ columns: Int, _ sums: MutableFloats)
  /// `sums[j] += |x[j]|`.
  static func addMagnitudes(_ x: Floats, _ sums: MutableFloats, _ count: Int)
  /// `y[j] = x[j] · factor · factors[j]`, all factors 1 where nil.
  static func scaleRow(
    _ x: Floats, _ factor: Float, _ factors: Floats?, _ y: MutableFloats, _ count: Int)
}

/// How a tile is rounded: the grid of codes, and the rule that finds its scales.
public struct TileGrid: Sendable {
  /// The largest code.
  public var maximum: Float
  /// The zero point of a symmetric grid.
  public var midpoint: Float
  public var symmetric: Bool
  /// Scales are stored as f16, and weights are rounded on the scale as stored.
  public var half: Bool
  /// How many shrunken ranges are tried beside the full one, each 1 % smaller: 0 takes the full range.
  public var shrinks: Int

  public init(maximum: Float, midpoint: Float, symmetric: Bool, half: Bool, shrinks: Int) {
    self.maximum = maximum
    self.midpoint = midpoint
    self.symmetric = symmetric
    self.half = half
    self.shrinks = shrinks
  }
}

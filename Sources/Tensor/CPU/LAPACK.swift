import Runtime

/// Factorizations and triangular solves on row-major f32 matrices, single-threaded. Rows are `leading` floats apart where
/// that is given, else contiguous.
///
/// A row-major matrix is its transpose to LAPACK, so "upper" here is "lower" there.
enum LAPACK {
  enum Triangle {
    case upper, lower

    /// As Fortran sees the row-major matrix.
    fileprivate var flipped: CChar { CChar(UInt8(ascii: self == .upper ? "L" : "U")) }
    fileprivate var cblas: Int32 { self == .upper ? 121 : 122 }
  }

  /// Cholesky factor in place: `a = uᵀ·u` (upper) or `a = l·lᵀ` (lower). The other triangle is not touched.
  ///
  /// - Returns: nil, or the order of the leading minor that is not positive definite.
  static func cholesky(
    _ a: UnsafeMutablePointer<Float>, order: Int, leading: Int? = nil, _ triangle: Triangle
  ) throws -> Int? {
    try factorize(OpenBLAS.shared().spotrf, a, order, leading ?? order, triangle)
  }

  /// The inverse of a matrix from its Cholesky factor in `triangle`, in place, that triangle only.
  ///
  /// - Returns: nil, or the index (from 1) of the zero on the factor's diagonal.
  static func inverse(
    fromCholesky a: UnsafeMutablePointer<Float>, order: Int, _ triangle: Triangle
  ) throws -> Int? {
    try factorize(OpenBLAS.shared().spotri, a, order, order, triangle)
  }

  /// The inverse of a triangular matrix in place; the other triangle is not touched.
  ///
  /// - Returns: nil, or the index (from 1) of the zero on the diagonal.
  static func invertTriangular(
    _ a: UnsafeMutablePointer<Float>, order: Int, leading: Int? = nil, _ triangle: Triangle
  ) throws -> Int? {
    guard order > 0 else { return nil }
    var uplo = triangle.flipped
    var diagonal = CChar(UInt8(ascii: "N"))
    var n = Int32(order)
    var leading = Int32(leading ?? order)
    var info: Int32 = 0
    try OpenBLAS.shared().strtri(&uplo, &diagonal, &n, a, &leading, &info, 1, 1)
    if info < 0 { throw InvalidArgument(function: "LAPACK", argument: Int(-info)) }
    return info == 0 ? nil : Int(info)
  }

  /// `b ← alpha · op(t)⁻¹ · b` (left) or `b ← alpha · b · op(t)⁻¹` (right): b `[rows, columns]` row-major with
  /// leading dimension `ldb`, t triangular with leading dimension `ldt`.
  static func solve(
    _ library: OpenBLAS, _ t: UnsafePointer<Float>, ldt: Int, _ triangle: Triangle,
    transposed: Bool, unitDiagonal: Bool = false, left: Bool, _ b: UnsafeMutablePointer<Float>,
    ldb: Int, rows: Int, columns: Int, alpha: Float = 1
  ) {
    guard rows > 0, columns > 0 else { return }
    library.strsm(
      101, left ? 141 : 142, triangle.cblas, transposed ? 112 : 111, unitDiagonal ? 132 : 131,
      Int32(rows), Int32(columns), alpha, t, Int32(ldt), b, Int32(ldb))
  }

  private static func factorize(
    _ function: OpenBLAS.Factorization, _ a: UnsafeMutablePointer<Float>, _ order: Int,
    _ leading: Int, _ triangle: Triangle
  ) throws -> Int? {
    guard order > 0 else { return nil }
    var uplo = triangle.flipped
    var n = Int32(order)
    var info: Int32 = 0
    var leading = Int32(leading)
    function(&uplo, &n, a, &leading, &info, 1)
    if info < 0 { throw InvalidArgument(function: "LAPACK", argument: Int(-info)) }
    return info == 0 ? nil : Int(info)
  }
}

/// A LAPACK function found one of its arguments impossible: a matrix too large for its 32-bit sizes.
struct InvalidArgument: Failure, Equatable {
  var function: String
  var argument: Int
  var message: String { "\(function): argument \(argument) is out of range" }
}

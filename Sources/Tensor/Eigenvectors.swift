import Runtime

/// The largest eigenvalues of a symmetric matrix and their eigenvectors, computed on the host.
///
/// *Paper:* Dhillon and Parlett, "Multiple representations to compute orthogonal eigenvectors of symmetric tridiagonal
/// matrices" (2004), as LAPACK's `ssyevr` has it.
public struct Eigenvectors: Sendable {
  /// In descending order.
  public var values: [Float]
  /// f32 `[count, n]`, orthonormal rows.
  public var vectors: Tensor

  init(values: [Float], vectors: Tensor) {
    self.values = values
    self.vectors = vectors
  }

  /// - Parameters:
  ///   - symmetric: `[n, n]`; one triangle is read.
  ///   - count: At most n.
  /// - Throws: `NotFinite`, `ShapeMismatch`, `NoEigenvectors`, `MissingLibrary`.
  init(of symmetric: Tensor, count: Int, on backend: any Backend) throws {
    let n = symmetric.columns
    guard symmetric.rows == n, n > 0, 1...n ~= count else {
      throw ShapeMismatch(
        operation: "eigenvectors", expected: "a square matrix of at least \(max(count, 1)) rows",
        found: symmetric.summary)
    }
    var matrix = try backend.read(symmetric)
    guard matrix.allSatisfy(\.isFinite) else {
      throw NotFinite(operation: "eigenvectors", what: "matrix")
    }
    // The smallest come first: what is wanted stands at the end, and is turned round below.
    let (ascending, rows) = try LAPACK.eigenvectors(&matrix, order: n, count: count)
    values = ascending.reversed()
    var descending: [Float] = []
    descending.reserveCapacity(rows.count)
    for row in (0..<count).reversed() { descending += rows[row * n..<(row + 1) * n] }
    vectors = try backend.place(Tensor(descending, shape: [count, n]))
  }
}

/// A symmetric matrix of which LAPACK found no eigenvectors.
public struct NoEigenvectors: Failure, Equatable {
  public var order: Int
  public var message: String { "no eigenvectors were found of a \(order) by \(order) matrix" }
}

extension LAPACK {
  /// The `count` largest eigenvalues, ascending, and their eigenvectors in rows. `a` is overwritten.
  static func eigenvectors(_ a: inout [Float], order: Int, count: Int) throws -> (
    values: [Float], rows: [Float]
  ) {
    let function = try OpenBLAS.shared().ssyevr
    var job = (
      vectors: CChar(UInt8(ascii: "V")), range: CChar(UInt8(ascii: "I")),
      triangle: CChar(UInt8(ascii: "U"))
    )
    var n = Int32(order)
    var (leading, width) = (n, n)
    var (first, last) = (Int32(order - count + 1), n)
    var (lower, upper, tolerance) = (Float(0), Float(0), Float(0))
    var (found, info) = (Int32(0), Int32(0))
    var values = [Float](repeating: 0, count: order)
    var rows = [Float](repeating: 0, count: count * order)
    var support = [Int32](repeating: 0, count: 2 * order)
    func call(
      _ work: inout [Float], _ size: Int32, _ integers: inout [Int32], _ integerSize: Int32
    ) throws {
      var (size, integerSize) = (size, integerSize)
      function(
        &job.vectors, &job.range, &job.triangle, &n, &a, &leading, &lower, &upper, &first, &last,
        &tolerance, &found, &values, &rows, &width, &support, &work, &size, &integers,
        &integerSize, &info, 1, 1, 1)
      if info < 0 { throw InvalidArgument(function: "ssyevr", argument: Int(-info)) }
      if info > 0 { throw NoEigenvectors(order: order) }
    }
    var (work, integers) = ([Float](repeating: 0, count: 1), [Int32](repeating: 0, count: 1))
    try call(&work, -1, &integers, -1)
    let (size, integerSize) = (Int32(work[0]) + 1, integers[0])
    work = [Float](repeating: 0, count: Int(size))
    integers = [Int32](repeating: 0, count: Int(integerSize))
    try call(&work, size, &integers, integerSize)
    guard Int(found) == count else { throw NoEigenvectors(order: order) }
    return (Array(values[..<count]), rows)
  }
}

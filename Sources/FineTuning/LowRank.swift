import Runtime
import Tensor

/// The matrix of a given rank that is closest to another one, as two factors.
///
/// *Paper:* Eckart and Young, "The approximation of one matrix by another of lower rank" (1936); under a metric: Deng et
/// al., "CLoQ: enhancing fine-tuning of quantized LLMs via calibrated LoRA initialization" (2025), theorem 3.1.
struct LowRank {
  /// f32 `[out, rank]`.
  var b: Tensor
  /// f32 `[rank, in]`.
  var a: Tensor

  /// Minimizes tr (T − B·A)·H·(T − B·A)ᵀ over all B·A of rank `rank` at most.
  ///
  /// With R·Rᵀ = H the cost is ‖T·R − B·A·R‖², least where B·A·R keeps the leading left singular vectors U of T·R:
  /// B·A = U·Uᵀ·T. So R need not be inverted, and where there are no more outputs than inputs not even be formed, as U then
  /// comes from T·H·Tᵀ.
  ///
  /// - Parameters:
  ///   - target: T, f32 `[out, in]`.
  ///   - metric: H, f32 `[in, in]`, symmetric and positive semidefinite; nil for the identity.
  /// - Throws: `NotFinite`, `NoEigenvectors`, `MissingLibrary`.
  init(_ target: Tensor, metric: Tensor?, rank: Int, on backend: any Backend) throws {
    let (outputs, inputs) = (target.rows, target.columns)
    let kept = min(rank, outputs, inputs)
    let left: Tensor
    if outputs <= inputs {
      let weighted = try metric.map {
        try backend.product(
          target, transposed: false, $0, transposed: false, alpha: 1, beta: 0, into: nil)
      }
      let gram = try backend.product(
        weighted ?? target, transposed: false, target, transposed: true, alpha: 1, beta: 0,
        into: nil)
      left = try backend.eigenvectors(of: gram, count: kept).vectors
    } else {
      let weighted =
        try metric.map { try LowRank.rooted(target, by: $0, on: backend) } ?? target
      let gram = try backend.product(
        weighted, transposed: true, weighted, transposed: false, alpha: 1, beta: 0, into: nil)
      let right = try backend.eigenvectors(of: gram, count: kept)
      // U = T·R·V/σ, with σ² the eigenvalue; directions without any weight are left out.
      let least = (right.values.first ?? 0) * 1e-7
      let factors = right.values.map { $0 > least ? 1 / $0.squareRoot() : 0 }
      left = try backend.scaled(
        try backend.product(
          right.vectors, transposed: false, weighted, transposed: true, alpha: 1, beta: 0,
          into: nil),
        rows: try backend.place(Tensor(factors, shape: [kept])), columns: nil)
    }
    let right = try backend.product(
      left, transposed: false, target, transposed: false, alpha: 1, beta: 0, into: nil)
    (b, a) = try LowRank.balanced(left, right, rank: rank, on: backend)
  }

  /// T·R with R·Rᵀ = H: the eigenvectors in R's columns, each times the root of its eigenvalue.
  private static func rooted(_ target: Tensor, by metric: Tensor, on backend: any Backend) throws
    -> Tensor
  {
    let n = metric.columns
    let eigen = try backend.eigenvectors(of: metric, count: n)
    let lengths = eigen.values.map { max($0, 0).squareRoot() }
    return try backend.scaled(
      backend.product(
        target, transposed: false, eigen.vectors, transposed: true, alpha: 1, beta: 0, into: nil),
      rows: nil, columns: try backend.place(Tensor(lengths, shape: [n])))
  }

  /// The factors Uᵀ `[kept, out]` and Uᵀ·T `[kept, in]` as B and A, each pair of vectors equally long, so that steps of one
  /// size mean as much to both; filled up with zeros to the rank.
  private static func balanced(_ left: Tensor, _ right: Tensor, rank: Int, on backend: any Backend)
    throws -> (b: Tensor, a: Tensor)
  {
    let (kept, outputs, inputs) = (left.rows, left.columns, right.columns)
    let (u, t) = (try backend.read(left), try backend.read(right))
    var b = [Float](repeating: 0, count: outputs * rank)
    var a = [Float](repeating: 0, count: rank * inputs)
    func length(_ values: ArraySlice<Float>) -> Double {
      values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    for place in 0..<kept {
      let (ours, theirs) = (
        u[place * outputs..<(place + 1) * outputs], t[place * inputs..<(place + 1) * inputs]
      )
      let (n, m) = (length(ours), length(theirs))
      guard n > 0, m > 0 else { continue }
      let ratio = Float((m / n).squareRoot())
      for (row, value) in ours.enumerated() { b[row * rank + place] = value * ratio }
      for (column, value) in theirs.enumerated() { a[place * inputs + column] = value / ratio }
    }
    return (
      try backend.place(Tensor(b, shape: [outputs, rank])),
      try backend.place(Tensor(a, shape: [rank, inputs]))
    )
  }
}

import Tensor

/// A matrix in double precision: what the tests compare with.
struct Matrix: Equatable {
  var rows: Int
  var columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int, _ values: [Double]) {
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  init(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Double = { _, _ in 0 }) {
    self.init(
      rows, columns, (0..<rows * columns).map { element($0 / columns, $0 % columns) })
  }

  /// Uniform in ±range, exactly representable as f32.
  static func random(_ rows: Int, _ columns: Int, seed: UInt64, range: Float = 1) -> Matrix {
    let stream = RandomStream(seed: seed, purpose: "test matrix")
    return Matrix(
      rows, columns,
      (0..<rows * columns).map { Double((stream.uniform($0) * 2 - 1) * range) })
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    let values = [Double](unsafeUninitializedCapacity: a.rows * b.columns) { c, count in
      c.initialize(repeating: 0)
      a.values.withUnsafeBufferPointer { x in
        b.values.withUnsafeBufferPointer { y in
          var (i, k, j) = (0, 0, 0)
          while i < a.rows {
            k = 0
            while k < a.columns {
              let factor = x[i * a.columns + k]
              j = 0
              while j < b.columns {
                c[i * b.columns + j] += factor * y[k * b.columns + j]
                j += 1
              }
              k += 1
            }
            i += 1
          }
        }
      }
      count = a.rows * b.columns
    }
    return Matrix(a.rows, b.columns, values)
  }

  static func * (factor: Double, a: Matrix) -> Matrix {
    Matrix(a.rows, a.columns, a.values.map { factor * $0 })
  }

  static func + (a: Matrix, b: Matrix) -> Matrix {
    Matrix(a.rows, a.columns, zip(a.values, b.values).map(+))
  }

  func columns(_ range: Range<Int>) -> Matrix {
    Matrix(rows, range.count) { self[$0, $1 + range.lowerBound] }
  }

  func rows(_ range: Range<Int>) -> Matrix {
    Matrix(range.count, columns) { self[$0 + range.lowerBound, $1] }
  }

  /// Σ self ∘ other
  func dot(_ other: Matrix) -> Double { zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 } }

  /// The largest |self − other|.
  func distance(_ other: Matrix) -> Double {
    guard rows == other.rows, columns == other.columns else { return .infinity }
    return zip(values, other.values).reduce(0) {
      max($0, $1.0.isNaN || $1.1.isNaN ? .infinity : abs($1.0 - $1.1))
    }
  }
}

extension Backend {
  /// The matrix as an f32 tensor.
  func tensor(_ matrix: Matrix) throws -> Tensor {
    try tensor(matrix.values.map { Float($0) }, [matrix.rows, matrix.columns])
  }

  func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    let tensor = try make(shape, .f32)
    tensor.host?.withMemoryRebound(to: Float.self, capacity: values.count) {
      $0.update(from: values, count: values.count)
    }
    return tensor
  }

  /// The matrix as a view of some columns of a wider tensor, whose other columns hold NaN.
  func view(_ matrix: Matrix, left: Int = 3, right: Int = 2) throws -> Tensor {
    let wide = try make([matrix.rows, left + matrix.columns + right], .f32)
    try fill(wide, with: .nan)
    let view = wide.columns(left..<left + matrix.columns)
    try copy(try tensor(matrix), into: view)
    return view
  }

  func matrix(_ tensor: Tensor) throws -> Matrix {
    Matrix(tensor.rows, tensor.columns, try read(tensor).map { Double($0) })
  }
}

/// How far `gradient` is from the slope of `loss` at `x`, as central differences give it along random directions
/// (extrapolated where the step is large), in units of the gradient's length.
func slopeError(
  _ gradient: Matrix, at x: Matrix, step: Double = 1e-5, _ loss: (Matrix) throws -> Double
) rethrows -> Double {
  guard gradient.values.allSatisfy({ $0.isFinite }) else { return .infinity }
  var worst = 0.0
  for seed in 0..<4 as Range<UInt64> {
    let direction = Matrix.random(x.rows, x.columns, seed: 1000 + seed)
    func slope(_ step: Double) throws -> Double {
      (try loss(x + step * direction) - loss(x + -step * direction)) / (2 * step)
    }
    // What a large step adds goes with its square (Richardson).
    let slope = step < 1e-3 ? try slope(step) : (4 * (try slope(step)) - (try slope(2 * step))) / 3
    // Along a random direction a gradient of unit length has a slope of about 1/√3. Where the exact one is zero (one key,
    // whose weight is always 1), what is left is the rounding of numbers of order 1.
    let size = max(gradient.dot(gradient).squareRoot(), 0.1)
    worst = max(worst, abs(gradient.dot(direction) - slope) / size)
  }
  return worst
}

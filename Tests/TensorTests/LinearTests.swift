import Runtime
import Tensor
import Testing

@Suite struct LinearTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  /// What `linear` is, in double precision.
  static func linear(
    _ x: Matrix, _ w: Matrix, bias: Matrix?, a: Matrix, b: Matrix, scale: Double,
    survives: (Int, Int) -> Double
  ) -> Matrix {
    let dropped = Matrix(x.rows, x.columns) { x[$0, $1] * survives($0, $1) }
    var y = x * w.transposed + scale * (dropped * a.transposed * b.transposed)
    if let bias { y = y + Matrix(y.rows, y.columns) { bias[0, $1] } }
    return y
  }

  @Test(arguments: [1, 3, 17, 65])
  func forward(tokens: Int) throws {
    let (inputs, outputs, rank) = (37, 21, 5)
    let x = Matrix.random(tokens, inputs, seed: 1)
    let w = Matrix.random(outputs, inputs, seed: 2)
    let a = Matrix.random(rank, inputs, seed: 3)
    let b = Matrix.random(outputs, rank, seed: 4)
    let bias = Matrix.random(1, outputs, seed: 5)
    let mask = RandomStream(seed: 6, purpose: "dropout")
    let term = AdapterTerm(
      a: try backend.tensor(a), b: try backend.tensor(b), scale: 0.5, dropout: 0.25, mask: mask)
    let expected = Self.linear(x, w, bias: bias, a: a, b: b, scale: 0.5) { row, column in
      AdapterTerm.survives(UInt32(row * inputs + column), key: mask.key, dropout: 0.25)
        ? 1 / 0.75 : 0
    }
    for input in [try backend.tensor(x), try backend.view(x)] {
      let output = try backend.linear(
        input, .dense(try backend.tensor(w)),
        bias: try backend.tensor(bias).reshaped([outputs]), adapter: term, precision: .f32)
      #expect(try backend.matrix(output.y).distance(expected) < 2e-5)
    }
    let plain = try backend.linear(
      try backend.tensor(x), .dense(try backend.tensor(w)), bias: nil, adapter: nil,
      precision: .f32)
    #expect(try backend.matrix(plain.y).distance(x * w.transposed) < 2e-5)
    #expect(plain.reduced == nil)
  }
}

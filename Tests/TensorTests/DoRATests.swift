import Testing

@testable import Tensor

@Suite struct DoRATests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  /// The definition, in double precision.
  struct Layer {
    var w = Matrix.random(21, 37, seed: 2)
    var a = Matrix.random(5, 37, seed: 3)
    var b = Matrix.random(21, 5, seed: 4)
    var m = Matrix.random(1, 21, seed: 8, range: 4)
    let bias = Matrix.random(1, 21, seed: 5)
    let scale = 0.5
    var dropout: Float = 0.25
    let mask = RandomStream(seed: 6, purpose: "dropout")
    /// What the length of each row counts as; nil for what it is.
    var norms: [Double]?

    var sum: Matrix { w + scale * (b * a) }
    var lengths: [Double] {
      (0..<sum.rows).map { row in
        (0..<37).reduce(0.0) { $0 + sum[row, $1] * sum[row, $1] }.squareRoot()
      }
    }
    var ratio: [Double] { zip(m.values, norms ?? lengths).map { $0 / $1 } }

    func callAsFunction(_ x: Matrix) -> Matrix {
      let u = Matrix(x.rows, x.columns) { i, j in
        dropout == 0
          ? x[i, j]
          : AdapterTerm.survives(UInt32(i * x.columns + j), key: mask.key, dropout: dropout)
            ? x[i, j] / Double(1 - dropout) : 0
      }
      // As PEFT writes it: the layer, and (c − 1)·W and c·s·B·A applied to the dropped input.
      let base = x * w.transposed + Matrix(x.rows, w.rows) { bias[0, $1] }
      let stretched = u * w.transposed
      let branch = scale * (u * a.transposed * b.transposed)
      let c = ratio
      return base
        + Matrix(x.rows, w.rows) { (c[$1] - 1) * stretched[$0, $1] + c[$1] * branch[$0, $1] }
    }

    func term(_ backend: CPUBackend) throws -> AdapterTerm {
      AdapterTerm(
        a: try backend.tensor(a), b: try backend.tensor(b), scale: Float(scale), dropout: dropout,
        mask: dropout > 0 ? mask : nil)
    }
    func magnitude(_ backend: CPUBackend) throws -> Magnitude {
      Magnitude(try backend.tensor(m).reshaped([m.columns]))
    }
    func bias(_ backend: CPUBackend) throws -> Tensor {
      try backend.tensor(bias).reshaped([bias.columns])
    }
  }

  @Test(arguments: [1, 3, 65, 300], [Float(0), 0.25])
  func forwardIsTheDefinition(tokens: Int, dropout: Float) throws {
    let layer = Layer(dropout: dropout)
    let x = Matrix.random(tokens, 37, seed: 1)
    for input in [try backend.tensor(x), try backend.view(x)] {
      let y = try Execution(backend).linear(
        input, .dense(try backend.tensor(layer.w)), bias: try layer.bias(backend),
        adapter: try layer.term(backend), magnitude: try layer.magnitude(backend))
      #expect(try backend.matrix(y).distance(layer(x)) < 1e-4)
    }
  }

  /// On codes as on the float weights that they stand for; lengths that were measured before change nothing.
  @Test func packedWeights() throws {
    var layer = Layer()
    let packed = try backend.round(
      backend.tensor(layer.w), to: Grid(bits: 4, group: nil, symmetric: false), rule: .minmax,
      limits: nil)
    layer.w = try backend.matrix(backend.dequantize(packed))
    let x = Matrix.random(9, 37, seed: 1)
    let term = try layer.term(backend)
    var magnitude = try layer.magnitude(backend)
    let y = try Execution(backend).linear(
      backend.tensor(x), .packed(packed), bias: layer.bias(backend), adapter: term,
      magnitude: magnitude)
    #expect(try backend.matrix(y).distance(layer(x)) < 1e-4)
    magnitude.norms = try backend.rowNorms(term.sum(with: .packed(packed), on: backend))
    let again = try Execution(backend).linear(
      backend.tensor(x), .packed(packed), bias: layer.bias(backend), adapter: term,
      magnitude: magnitude)
    #expect(try backend.read(y) == backend.read(again))
    let delta = try term.delta(of: .packed(packed), magnitude: magnitude, on: backend)
    let (sum, ratio) = (layer.sum, layer.ratio)
    let expected = Matrix(21, 37) { ratio[$0] * sum[$0, $1] - layer.w[$0, $1] }
    #expect(try backend.matrix(delta).distance(expected) < 1e-4)
  }

  /// Gradients are slopes of the forward with lengths that stand still.
  @Test(arguments: [Float(0), 0.25])
  func backwardIsTheSlopeOfForward(dropout: Float) throws {
    var layer = Layer(dropout: dropout)
    let x = Matrix.random(19, 37, seed: 1)
    let dy = Matrix.random(19, 21, seed: 7)
    let (term, magnitude) = (try layer.term(backend), try layer.magnitude(backend))
    let input = try backend.tensor(x)
    let tape = Tape(backend)
    for tensor in [input, term.a, term.b, magnitude.values] { tape.track(tensor) }
    let y = try Execution(backend, tape: tape).linear(
      input, .dense(backend.tensor(layer.w)), bias: layer.bias(backend), adapter: term,
      magnitude: magnitude)
    try tape.accumulate(backend.tensor(dy), for: y)
    try tape.backward()
    layer.norms = layer.lengths
    func error(_ tensor: Tensor, at point: Matrix, _ move: (inout Layer, Matrix) -> Void) throws
      -> Double
    {
      let gradient = try #require(tape.takeGradient(of: tensor))
      return slopeError(
        try backend.matrix(gradient.reshaped([point.rows, point.columns])), at: point
      ) {
        var moved = layer
        move(&moved, $0)
        return moved(x).dot(dy)
      }
    }
    #expect(try error(term.a, at: layer.a) { $0.a = $1 } < 1e-5)
    #expect(try error(term.b, at: layer.b) { $0.b = $1 } < 1e-5)
    #expect(try error(magnitude.values, at: layer.m) { $0.m = $1 } < 1e-5)
    let dx = try backend.matrix(#require(tape.takeGradient(of: input)))
    #expect(slopeError(dx, at: x) { layer($0).dot(dy) } < 1e-5)
  }

  /// A row of zeros has no direction: it stays zero, and nothing becomes NaN.
  @Test func aRowOfZeros() throws {
    var layer = Layer(dropout: 0)
    for column in 0..<37 { layer.w[3, column] = 0 }
    for column in 0..<5 { layer.b[3, column] = 0 }
    let tape = Tape(backend)
    let (term, magnitude) = (try layer.term(backend), try layer.magnitude(backend))
    for tensor in [term.a, term.b, magnitude.values] { tape.track(tensor) }
    let y = try Execution(backend, tape: tape).linear(
      backend.tensor(.random(4, 37, seed: 1)), .dense(backend.tensor(layer.w)), bias: nil,
      adapter: term, magnitude: magnitude)
    #expect(try backend.matrix(y).columns(3..<4).values == [0, 0, 0, 0])
    try tape.accumulate(backend.tensor(.random(4, 21, seed: 7)), for: y)
    try tape.backward()
    for tensor in [term.a, term.b, magnitude.values] {
      let gradient = try backend.read(#require(tape.takeGradient(of: tensor)))
      #expect(gradient.allSatisfy { $0.isFinite })
    }
  }

  @Test func masksSumsAndLengths() throws {
    let (x, other) = (Matrix.random(150, 33, seed: 1), Matrix.random(150, 33, seed: 2))
    let mask = RandomStream(seed: 3, purpose: "mask")
    for input in [try backend.tensor(x), try backend.view(x)] {
      let y = try backend.masked(input, by: mask, dropout: 0.3, survivors: 2, hidden: -0.5)
      let expected = Matrix(150, 33) { i, j in
        AdapterTerm.survives(UInt32(i * 33 + j), key: mask.key, dropout: 0.3)
          ? 2 * x[i, j] : -0.5 * x[i, j]
      }
      #expect(try backend.matrix(y).distance(expected) < 1e-6)
      let sums = try backend.read(backend.columnDots(input, backend.view(other)))
      for j in 0..<33 {
        let exact = (0..<150).reduce(0.0) { $0 + x[$1, j] * other[$1, j] }
        #expect(abs(Double(sums[j]) - exact) < 1e-4)
      }
      let norms = try backend.read(backend.rowNorms(input))
      for i in 0..<150 {
        let exact = (0..<33).reduce(0.0) { $0 + x[i, $1] * x[i, $1] }.squareRoot()
        #expect(abs(Double(norms[i]) - exact) < 1e-5)
      }
    }
    let halves = try backend.convert(backend.tensor(x), to: .bf16)
    let y = try backend.masked(halves, by: mask, dropout: 0.3, survivors: 1, hidden: 1)
    #expect(try y.dtype == .bf16 && backend.read(y) == backend.read(halves))
  }
}

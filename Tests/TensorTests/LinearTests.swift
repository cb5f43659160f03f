import Testing

@testable import Tensor

@Suite struct LinearTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  /// A linear layer with an adapter, in double precision.
  struct Layer {
    var w, a, b, bias: Matrix
    let scale = 0.5
    let dropout: Float
    let mask = RandomStream(seed: 6, purpose: "dropout")

    init(inputs: Int = 37, outputs: Int = 21, rank: Int = 5, dropout: Float = 0.25) {
      w = .random(outputs, inputs, seed: 2)
      a = .random(rank, inputs, seed: 3)
      b = .random(outputs, rank, seed: 4)
      bias = .random(1, outputs, seed: 5)
      self.dropout = dropout
    }

    func dropped(_ x: Matrix) -> Matrix {
      Matrix(x.rows, x.columns) { i, j in
        AdapterTerm.survives(UInt32(i * x.columns + j), key: mask.key, dropout: dropout)
          ? x[i, j] / Double(1 - dropout) : 0
      }
    }

    func callAsFunction(_ x: Matrix) -> Matrix {
      x * w.transposed + scale * (dropped(x) * a.transposed * b.transposed)
        + Matrix(x.rows, w.rows) { bias[0, $1] }
    }

    func term(_ backend: CPUBackend) throws -> AdapterTerm {
      AdapterTerm(
        a: try backend.tensor(a), b: try backend.tensor(b), scale: Float(scale), dropout: dropout,
        mask: dropout > 0 ? mask : nil)
    }

    func bias(_ backend: CPUBackend) throws -> Tensor {
      try backend.tensor(bias).reshaped([bias.columns])
    }
  }

  @Test(arguments: [1, 3, 17, 65, 300, 700])
  func forward(tokens: Int) throws {
    let layer = Layer()
    let x = Matrix.random(tokens, 37, seed: 1)
    for input in [try backend.tensor(x), try backend.view(x)] {
      let output = try backend.linear(
        input, .dense(try backend.tensor(layer.w)), bias: try layer.bias(backend),
        adapter: try layer.term(backend), precision: .f32)
      #expect(try backend.matrix(output.y).distance(layer(x)) < 2e-5)
      let plain = try backend.linear(
        input, .dense(try backend.tensor(layer.w)), bias: nil, adapter: nil, precision: .f32)
      #expect(try backend.matrix(plain.y).distance(x * layer.w.transposed) < 2e-5)
      #expect(plain.reduced == nil)
    }
  }

  @Test(arguments: [Float(0), 0.25])
  func backwardIsTheSlopeOfForward(dropout: Float) throws {
    let layer = Layer(dropout: dropout)
    let x = Matrix.random(19, 37, seed: 1)
    let dy = Matrix.random(19, 21, seed: 7)
    let term = try layer.term(backend)
    for (input, upstream) in [
      (try backend.tensor(x), try backend.tensor(dy)), (try backend.view(x), try backend.view(dy)),
    ] {
      let weight = Weight.dense(try backend.tensor(layer.w))
      let output = try backend.linear(
        input, weight, bias: nil, adapter: term, precision: .f32)
      let gradients = try backend.linearBackward(
        upstream, x: input, weight: weight, adapter: term, reduced: output.reduced,
        precision: .f32, needsInput: true)
      let (dx, da, db) = (
        try #require(gradients.dx), try #require(gradients.da), try #require(gradients.db)
      )
      #expect(slopeError(try backend.matrix(dx), at: x) { layer($0).dot(dy) } < 1e-5)
      let errorA = slopeError(try backend.matrix(da), at: layer.a) {
        var moved = layer
        moved.a = $0
        return moved(x).dot(dy)
      }
      let errorB = slopeError(try backend.matrix(db), at: layer.b) {
        var moved = layer
        moved.b = $0
        return moved(x).dot(dy)
      }
      #expect(errorA < 1e-5)
      #expect(errorB < 1e-5)
    }
  }

  /// Few rows are read against the weights as they are stored, many are shared out whole: all mean the same.
  @Test(arguments: [1, 4, 5, 600], [Float(0), 0.25])
  func everyNumberOfRowsMeansTheSame(tokens: Int, dropout: Float) throws {
    let layer = Layer(dropout: dropout)
    let x = Matrix.random(tokens, 37, seed: 1)
    let dy = Matrix.random(tokens, 21, seed: 7)
    let term = try layer.term(backend)
    let (input, upstream) = (try backend.view(x), try backend.view(dy))
    let weight = Weight.dense(try backend.tensor(layer.w))
    let bias = try layer.bias(backend)
    // dy·(W + s·m∘(B·A)), (s·dy·B)ᵀ·drop(x), s·dyᵀ·(drop(x)·Aᵀ)
    let dropped = layer.dropped(x)
    let branch = layer.scale * (dy * layer.b * layer.a)
    let keeps = Matrix(tokens, 37) { i, j in
      AdapterTerm.survives(UInt32(i * 37 + j), key: layer.mask.key, dropout: dropout)
        ? branch[i, j] / Double(1 - dropout) : 0
    }
    let dx = dy * layer.w + (dropout > 0 ? keeps : branch)
    let da = layer.scale * ((dy * layer.b).transposed * dropped)
    let db = layer.scale * (dy.transposed * (dropped * layer.a.transposed))
    // bf16 has 8 bits: sums of as many products as there are rows, of numbers up to 1.
    for (precision, tolerance) in [(Precision.f32, 2e-4), (.bf16, 1.2)] {
      let output = try backend.linear(
        input, weight, bias: bias, adapter: term, precision: precision)
      #expect(try backend.matrix(output.y).distance(layer(x)) < min(tolerance, 0.12))
      for needsInput in [true, false] {
        let found = try backend.linearBackward(
          upstream, x: input, weight: weight, adapter: term, reduced: output.reduced,
          precision: precision, needsInput: needsInput)
        if needsInput {
          #expect(
            try backend.matrix(try #require(found.dx)).distance(dx) < min(tolerance, 0.2))
        } else {
          #expect(found.dx == nil)
        }
        #expect(try backend.matrix(try #require(found.da)).distance(da) < tolerance)
        #expect(try backend.matrix(try #require(found.db)).distance(db) < tolerance)
      }
    }
  }

  /// Inputs and gradients that come in the products' type give what converting them gives, bit for bit; in another, too.
  @Test(arguments: [3, 40, 1100], [Float(0), 0.25])
  func operandsAreTakenAsTheyAre(tokens: Int, dropout: Float) throws {
    let layer = Layer(dropout: dropout)
    let term = try layer.term(backend)
    let weight = Weight.dense(try backend.tensor(layer.w))
    let halves = try [(37, 1), (21, 7)].map { width, seed in
      try backend.convert(
        try backend.tensor(Matrix.random(tokens, width, seed: UInt64(seed))), to: .bf16)
    }
    func results(_ type: DType, _ precision: Precision, _ backend: CPUBackend) throws -> [[Float]] {
      let (x, dy) = (
        try backend.convert(halves[0], to: type), try backend.convert(halves[1], to: type)
      )
      let output = try backend.linear(x, weight, bias: nil, adapter: term, precision: precision)
      let gradients = try backend.linearBackward(
        dy, x: try backend.convert(x, to: .f32), weight: weight, adapter: term,
        reduced: output.reduced, precision: precision, needsInput: true)
      return try [output.y, gradients.dx, gradients.da, gradients.db].map {
        try backend.read(try #require($0))
      }
    }
    for precision in [Precision.f32, .bf16] {
      let wanted = try results(.f32, precision, backend)
      #expect(try results(.bf16, precision, backend) == wanted)
      // Nor does it matter for many rows how many threads there are.
      guard tokens > 1000 else { continue }
      #expect(try results(.f32, precision, CPUBackend(threads: 1)) == wanted)
      #expect(try results(.f32, precision, CPUBackend(threads: 2)) == wanted)
    }
  }

  @Test func whatAnotherPassKeptIsRefused() throws {
    let layer = Layer(dropout: 0)
    let x = try backend.tensor(Matrix.random(9, 37, seed: 1))
    let dy = try backend.tensor(Matrix.random(9, 21, seed: 2))
    let weight = Weight.dense(try backend.tensor(layer.w))
    let kept = try backend.make([9, 4], .f32)
    #expect(throws: ShapeMismatch.self) {
      try backend.linearBackward(
        dy, x: x, weight: weight, adapter: try layer.term(backend), reduced: kept,
        precision: .f32, needsInput: true)
    }
  }

  @Test func inputsThatNeedNoGradientGetNone() throws {
    let layer = Layer()
    let x = try backend.tensor(Matrix.random(4, 37, seed: 1))
    let gradients = try backend.linearBackward(
      try backend.tensor(Matrix.random(4, 21, seed: 2)), x: x,
      weight: .dense(try backend.tensor(layer.w)), adapter: nil, reduced: nil, precision: .f32,
      needsInput: false)
    #expect(gradients.dx == nil && gradients.da == nil && gradients.db == nil)
  }

  @Test(arguments: [DType.bf16, .f16])
  func halfPrecisionWeightsStandForThemselves(dtype: DType) throws {
    let layer = Layer()
    let stored = try backend.convert(try backend.tensor(layer.w), to: dtype)
    let exact = try backend.matrix(stored)
    #expect(exact.distance(layer.w) > 0)
    for tokens in [1, 4, 5, 33] {
      let x = Matrix.random(tokens, 37, seed: 8)
      let y = try backend.linear(
        try backend.tensor(x), .dense(stored), bias: nil, adapter: nil, precision: .f32)
      #expect(try backend.matrix(y.y).distance(x * exact.transposed) < 2e-5)
    }
  }

  @Test func smallPanelsGiveTheSameAsLargeOnes() throws {
    let small = try CPUBackend(threads: 2, limits: .init(panel: 37 * 4 * 5, logits: 1024))
    let layer = Layer()
    let x = Matrix.random(23, 37, seed: 1)
    let dy = Matrix.random(23, 21, seed: 2)
    let stored = try small.convert(try small.tensor(layer.w), to: .f16)
    var exact = layer
    exact.w = try small.matrix(stored)
    let term = try layer.term(small)
    let (input, bias) = (try small.tensor(x), try layer.bias(small))
    let output = try small.linear(
      input, .dense(stored), bias: bias, adapter: term, precision: .f32)
    #expect(try small.matrix(output.y).distance(exact(x)) < 2e-5)
    let gradients = try small.linearBackward(
      try small.tensor(dy), x: input, weight: .dense(stored), adapter: term,
      reduced: output.reduced, precision: .f32, needsInput: true)
    let dx = try small.matrix(try #require(gradients.dx))
    #expect(slopeError(dx, at: x) { exact($0).dot(dy) } < 1e-5)
  }

  /// bf16 has 8 bits: products of numbers up to 1, rounded to 2⁻⁹ each, summed over 37 (and once more over 5).
  @Test func bf16StaysNearF32() throws {
    let layer = Layer()
    let x = Matrix.random(40, 37, seed: 1)
    let dy = Matrix.random(40, 21, seed: 2)
    let tolerance = 0.12
    let term = try layer.term(backend)
    let (input, weight) = (try backend.view(x), Weight.dense(try backend.tensor(layer.w)))
    let output = try backend.linear(
      input, weight, bias: try layer.bias(backend), adapter: term, precision: .bf16)
    #expect(try backend.matrix(output.y).distance(layer(x)) < tolerance)
    let exact = try backend.linear(
      input, weight, bias: nil, adapter: term, precision: .f32)
    func gradients(_ precision: Precision, _ reduced: Tensor?) throws -> [Matrix] {
      let all = try backend.linearBackward(
        try backend.view(dy), x: input, weight: weight, adapter: term, reduced: reduced,
        precision: precision, needsInput: true)
      return try [all.dx, all.da, all.db].map { try backend.matrix(try #require($0)) }
    }
    for (half, full) in zip(
      try gradients(.bf16, output.reduced), try gradients(.f32, exact.reduced))
    {
      #expect(half.distance(full) < tolerance)
    }
  }

  @Test func wrongShapesAreErrors() throws {
    let x = try backend.tensor(Matrix.random(4, 5, seed: 1))
    let weight = Weight.dense(try backend.tensor(Matrix.random(3, 6, seed: 1)))
    #expect(throws: ShapeMismatch.self) {
      try backend.linear(x, weight, bias: nil, adapter: nil, precision: .f32)
    }
    let half = try backend.convert(x, to: .f16)
    #expect(throws: ShapeMismatch.self) {
      try backend.linear(
        half, .dense(try backend.tensor(Matrix.random(3, 5, seed: 1))), bias: nil, adapter: nil,
        precision: .f32)
    }
  }
}

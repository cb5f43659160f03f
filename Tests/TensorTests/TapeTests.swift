import Testing

@testable import Tensor

/// A small gated block with an adapter, attention and a loss, through the tape.
@Suite struct TapeTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 3) }

  struct Network {
    let width = 24
    let shape = AttentionShape(heads: 2, keyValueHeads: 1, width: 12)
    var a, b, c, d, qkv, out, gateUp, down, head, norm: Tensor
    var rotary: Rotary

    init(_ backend: CPUBackend) throws {
      func random(_ rows: Int, _ columns: Int, _ seed: UInt64) throws -> Tensor {
        try backend.tensor(Matrix.random(rows, columns, seed: seed, range: 0.4))
      }
      a = try random(4, 24, 1)
      b = try random(48, 4, 2)
      c = try random(4, 32, 9)
      d = try random(24, 4, 10)
      qkv = try random(48, 24, 3)
      out = try random(24, 24, 4)
      gateUp = try random(64, 24, 5)
      down = try random(24, 32, 6)
      head = try random(50, 24, 7)
      norm = try backend.tensor(
        Matrix.random(1, 24, seed: 8) + Matrix(1, 24) { _, _ in 1 }
      ).reshaped([24])
      let cosine = Matrix(64, 6) { 1 / Double(1 + $0 + $1) }
      rotary = Rotary(
        short: RotaryTable(
          cosine: try backend.tensor(cosine),
          sine: try backend.tensor(
            Matrix(64, 6) { (1 - cosine[$0, $1] * cosine[$0, $1]).squareRoot() })))
    }

    var adapter: AdapterTerm {
      AdapterTerm(
        a: a, b: b, scale: 0.5, dropout: 0.1, mask: RandomStream(seed: 1, purpose: "mask"))
    }

    var other: AdapterTerm {
      AdapterTerm(
        a: c, b: d, scale: 0.5, dropout: 0.1, mask: RandomStream(seed: 2, purpose: "mask"))
    }

    func block(_ x: Tensor, _ run: Execution, _ segments: Segments) throws -> Tensor {
      let parts = try summands(x, run, segments, isRead: true)
      return try run.add(parts[0], parts[1])
    }

    /// The residual, and the last linear's output, computed where it is read.
    func summands(_ x: Tensor, _ run: Execution, _ segments: Segments, isRead: Bool = false) throws
      -> [Tensor]
    {
      let first = try run.rmsNorm(x, weight: norm, epsilon: 1e-5)
      let projected = try run.linear(first.y, .dense(qkv), adapter: adapter)
      let mixed = try run.attention(
        .fused(projected), rotary: rotary, segments: segments, shape: shape)
      let delta = try run.linear(mixed, .dense(out))
      let second = try run.rmsNorm(first.sum, adding: delta, weight: norm, epsilon: 1e-5)
      let gated = try run.swiGLU(.fused(try run.linear(second.y, .dense(gateUp))))
      return [
        second.sum, try run.linear(gated, .dense(down), adapter: other, isRead: isRead),
      ]
    }

    /// Loss and the gradients of A, B and x.
    func gradients(
      _ backend: CPUBackend, _ input: Matrix, checkpointing: Bool, precision: Precision = .f32
    ) throws -> (loss: [Float], gradients: [[Float]]) {
      let tape = Tape(backend)
      let x = try backend.tensor(input)
      for tensor in [x, a, b, c, d] { tape.track(tensor) }
      let segments = Segments(lengths: [7, 12])
      var hidden = x
      for _ in 0..<2 {
        let x = hidden
        let run = Execution(backend, precision: precision, tape: checkpointing ? nil : tape)
        hidden = try block(x, run, segments)
        guard checkpointing else { continue }
        tape.checkpoint(hidden, of: x, parameters: [a, b, c, d]) { x, inner in
          try summands(x, Execution(backend, precision: precision, tape: inner), segments)
        }
      }
      let targets = (0..<19).map { Int32($0 * 7 % 50) }
      let nll = try Execution(backend, precision: precision, tape: tape).crossEntropy(
        hidden, head: .dense(head), targets: targets, scale: 1.0 / 19)
      try tape.backward()
      return (
        try backend.read(nll),
        try [a, b, x, c, d].map { try backend.read(try #require(tape.takeGradient(of: $0))) }
      )
    }

    func loss(_ backend: CPUBackend, _ input: Matrix) throws -> Double {
      let segments = Segments(lengths: [7, 12])
      let run = Execution(backend)
      let hidden = try block(try block(try backend.tensor(input), run, segments), run, segments)
      let targets = (0..<19).map { Int32($0 * 7 % 50) }
      let nll = try run.crossEntropy(hidden, head: .dense(head), targets: targets, scale: 1)
      return try backend.read(nll).reduce(0) { $0 + Double($1) } / 19
    }
  }

  @Test func gradientsAreSlopes() throws {
    let network = try Network(backend)
    let x = Matrix.random(19, 24, seed: 20)
    let (_, gradients) = try network.gradients(backend, x, checkpointing: false)
    // The forward runs in f32, so the step must be large.
    let tolerance = 2e-3
    let errorA = try slopeError(
      Matrix(4, 24, gradients[0].map { Double($0) }), at: try backend.matrix(network.a), step: 1e-2
    ) {
      var other = network
      other.a = try backend.tensor($0)
      return try other.loss(backend, x)
    }
    let errorB = try slopeError(
      Matrix(48, 4, gradients[1].map { Double($0) }), at: try backend.matrix(network.b), step: 1e-2
    ) {
      var other = network
      other.b = try backend.tensor($0)
      return try other.loss(backend, x)
    }
    let errorX = try slopeError(
      Matrix(19, 24, gradients[2].map { Double($0) }), at: x, step: 1e-2
    ) { try network.loss(backend, $0) }
    #expect(errorA < tolerance)
    #expect(errorB < tolerance)
    #expect(errorX < tolerance)
  }

  /// Who alone reads what was gated may give the gradient of gates and ups; nobody else may.
  @Test(arguments: [1, 2]) func onlyTheOneReaderOfAGatingMayPassItBy(readers: Int) throws {
    let tape = Tape(backend)
    let gateUp = try backend.tensor(Matrix.random(3, 8, seed: 1))
    tape.track(gateUp)
    let y = try Execution(backend, tape: tape).swiGLU(.fused(gateUp))
    var found: [Tensor?] = []
    let outputs = try (0..<readers).map { _ in try backend.make([3, 4], .f32) }
    for output in outputs {
      tape.record(output) { [unowned tape] dy in
        found.append(tape.soleGateUp(of: y))
        try tape.accumulate(dy, for: y)
      }
      try tape.accumulate(y, for: output, shared: true)
    }
    try tape.backward()
    #expect(found.map { $0?.id } == (readers == 1 ? [gateUp.id] : [nil, nil]))
    #expect(tape.takeGradient(of: gateUp) != nil)
  }

  @Test(arguments: [Precision.f32, .bf16])
  func checkpointingChangesNoBit(precision: Precision) throws {
    let network = try Network(backend)
    let x = Matrix.random(19, 24, seed: 20)
    let kept = try network.gradients(backend, x, checkpointing: false, precision: precision)
    let again = try network.gradients(backend, x, checkpointing: true, precision: precision)
    #expect(kept.loss == again.loss)
    #expect(kept.gradients == again.gradients)
  }

  @Test(arguments: [Precision.f32, .bf16])
  func runsAgreeToTheBit(precision: Precision) throws {
    let x = Matrix.random(19, 24, seed: 20)
    let once = try Network(backend).gradients(
      backend, x, checkpointing: false, precision: precision)
    for _ in 0..<3 {
      let other = try CPUBackend(threads: 3)
      let again = try Network(other).gradients(
        other, x, checkpointing: false, precision: precision)
      #expect(once.loss == again.loss)
      #expect(once.gradients == again.gradients)
    }
  }
}

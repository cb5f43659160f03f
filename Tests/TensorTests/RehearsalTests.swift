import Testing

@testable import Tensor

/// A device that only counts: shapes, types and memory are the real one's, work is what formulas say.
@Suite struct RehearsalTests {
  let real: CPUBackend
  let backend: RehearsalBackend

  init() throws {
    real = try CPUBackend(threads: 2)
    backend = RehearsalBackend(real)
  }

  /// A multiplication and an addition for each weight and token; the way back costs as much again for the input, and
  /// nothing for a frozen weight.
  @Test func linearWork() throws {
    backend.begin()
    let x = try backend.make([10, 64], .f32)
    let weight = Weight.dense(try backend.make([32, 64], .f32))
    let y = try backend.linear(x, weight, bias: nil, adapter: nil, precision: .f32).y
    #expect(y.shape == [10, 32])
    #expect(backend.end().flops == 2 * 10 * 64 * 32)
    backend.begin()
    _ = try backend.linearBackward(
      y, x: x, weight: weight, adapter: nil, reduced: nil, precision: .f32, needsInput: true)
    #expect(backend.end().flops == 2 * 10 * 64 * 32)
  }

  /// A low-rank branch: two products forward, four back.
  @Test func adapterWork() throws {
    let x = try backend.make([10, 64], .f32)
    let weight = Weight.dense(try backend.make([32, 64], .f32))
    let term = AdapterTerm(
      a: try backend.make([4, 64], .f32), b: try backend.make([32, 4], .f32), scale: 1)
    backend.begin()
    let output = try backend.linear(x, weight, bias: nil, adapter: term, precision: .f32)
    #expect(backend.end().flops == 2 * 10 * (64 * 32 + 4 * (64 + 32)))
    backend.begin()
    let gradients = try backend.linearBackward(
      output.y, x: x, weight: weight, adapter: term, reduced: output.reduced, precision: .f32,
      needsInput: true)
    #expect(backend.end().flops == 2 * 10 * (64 * 32 + 2 * 4 * (64 + 32)))
    #expect(gradients.da?.shape == [4, 64] && gradients.db?.shape == [32, 4])
  }

  @Test func attentionPairs() {
    #expect(Segments(lengths: [3, 2]).pairs(window: nil) == 6 + 3)
    // Each of 5 tokens sees itself and one before it, the first only itself.
    #expect(Segments(lengths: [5]).pairs(window: 2) == 9)
    #expect(Segments(lengths: [5]).pairs(window: 9) == 15)
  }

  /// What is freed is kept for reuse by size, as the processor's backend does; the peak is what was held at most.
  @Test func memoryIsThePools() throws {
    backend.begin()
    var one: Tensor? = try backend.make([1 << 20], .f32)
    #expect(backend.end().peakMemory == 4 << 20)
    one = nil
    let again = try backend.make([1 << 20], .f32)
    #expect(backend.end().peakMemory == 4 << 20)
    let more = try backend.make([1 << 19], .f32)
    #expect(backend.end().peakMemory == 6 << 20)
    withExtendedLifetime((one, again, more)) {}
    backend.begin()
    #expect(backend.end().peakMemory == 6 << 20)
  }

  /// What was placed from the host reads as it is, what was made reads as ones.
  @Test func reading() throws {
    let placed = try backend.place(Tensor([1, 2, 3, 4], shape: [2, 2]))
    #expect(placed.host == nil)
    #expect(try backend.read(placed) == [1, 2, 3, 4])
    #expect(try backend.read(placed.columns(1..<2)) == [2, 4])
    #expect(try backend.read(backend.make([3], .bf16)) == [1, 1, 1])
  }

  /// Results have the shapes and types that the real backend gives them.
  @Test(arguments: [Precision.f32, .bf16])
  func shapesAreTheRealOnes(_ precision: Precision) throws {
    func shapes(_ backend: any Backend) throws -> [String] {
      let x = try backend.make([600, 64], .f32)
      try backend.fill(x, with: 0.01)
      let dense = try backend.make([96, 64], .f32)
      try backend.fill(dense, from: RandomStream(seed: 1, purpose: "w"), deviation: 0.1)
      let grid = Grid(bits: 4, group: 32, symmetric: false, scaleType: .f16)
      let packed = try backend.round(dense, to: grid, rule: .minmax, limits: nil)
      let term = AdapterTerm(
        a: try backend.make([4, 64], .f32), b: try backend.make([96, 4], .f32), scale: 1,
        dropout: 0.1, mask: RandomStream(seed: 1, purpose: "mask"))
      try backend.fill(term.a, with: 0)
      try backend.fill(term.b, with: 0)
      let output = try backend.linear(
        x, .packed(packed), bias: nil, adapter: term, precision: precision)
      let back = try backend.linearBackward(
        output.y, x: x, weight: .packed(packed), adapter: term, reduced: output.reduced,
        precision: precision, needsInput: true)
      let norm = try backend.rmsNorm(
        x, adding: x, weight: dense.rows(0..<1).reshaped([64]), epsilon: 1e-5,
        as: backend.operand(precision))
      let angles = try backend.make([600, 8], .f32)
      try backend.fill(angles, with: 1)
      let shape = AttentionShape(heads: 4, keyValueHeads: 4, width: 16)
      let attention = try backend.attention(
        q: x, k: x, v: x, rotary: Rotary(short: RotaryTable(cosine: angles, sine: angles)),
        segments: Segments(lengths: [300, 300]), shape: shape, precision: precision, keep: true)
      let loss = try backend.crossEntropy(
        x, head: .dense(dense), targets: [Int32](repeating: 1, count: 600), gradient: 1,
        precision: precision)
      let tensors: [Tensor?] = [
        packed.codes, packed.scales, packed.zeros, output.y, output.reduced, back.dx, back.da,
        back.db, norm.sum, norm.y, norm.inverse, attention.y, loss.nll, loss.dx,
        try backend.dequantize(packed), attention.saved?.tensors[0],
      ]
      return tensors.map { $0.map { "\($0.dtype) \($0.shape)" } ?? "none" }
    }
    #expect(try shapes(backend) == shapes(real))
  }

  /// What the host computes is counted by its shapes like all else, and not done: 10,000 rows would take minutes.
  @Test func hostWorkIsNotDone() throws {
    backend.begin()
    let start = ContinuousClock.now
    let gram = try backend.make([10_000, 10_000], .f32)
    let found = try backend.eigenvectors(of: gram, count: 64)
    #expect(found.vectors.shape == [64, 10_000] && found.values.count == 64)
    let weight = Weight.dense(try backend.make([100_000, 10_000], .bf16))
    let change = try backend.make([100_000, 10_000], .f32)
    #expect(try backend.survival(of: change, from: weight, to: weight).count == 1_000_000_000)
    #expect(start.duration(to: .now) < .seconds(2))
    #expect(backend.end().flops > 1e12)
  }

  /// Every kind of operation that has a cost can be timed on the device.
  @Test func everyTrialRuns() throws {
    let form = WeightForm(try backend.make([64, 128], .bf16))
    let grid = Grid(bits: 4, group: 32, symmetric: false, scaleType: .f16)
    var packed = form
    (packed.grid, packed.dtype) = (grid, .f16)
    let segments = Segments(lengths: [20, 12])
    let shape = AttentionShape(heads: 4, keyValueHeads: 2, width: 16)
    let adapter = AdapterForm(
      AdapterTerm(
        a: try backend.make([4, 128], .f32), b: try backend.make([64, 4], .f32), scale: 1,
        dropout: 0.1, mask: RandomStream(seed: 1, purpose: "mask")))
    let operations: [Operation] = [
      .embedding(form, ids: 5),
      .linear(n: 32, packed, input: .f32, bias: true, adapter, .f32),
      .linearBackward(n: 32, packed, input: .f32, gradient: .f32, adapter, .f32, needsInput: true),
      .norm(n: 8, width: 64, adds: true, as: .f32), .normBackward(n: 8, width: 64, adds: true),
      .attention(segments, shape, .f32, keeps: true),
      .attentionBackward(segments, shape, .f32, as: .f32),
      .cachedAttention(new: 1, held: 128, shape), .swiGLU(n: 8, width: 64, as: .f32),
      .swiGLUBackward(n: 8, width: 64, as: .f32), .add(count: 64, .f32),
      .accumulate(count: 64, .f32), .crossEntropy(n: 8, form, isTaped: true, .f32),
      .product(m: 8, n: 16, k: 32, transposesA: true, transposesB: true),
      .sumOfSquares(count: 100, tensors: 3), .adamW(count: 100, tensors: 3),
      .gram(n: 32, width: 64, .f32, .f32), .dequantize(packed),
      .round(form, grid, .mse, isLimited: true), .requantize(packed),
      .roundingError(packed, of: .bf16, weighs: true), .inverseFactor(width: 64),
      .gptq(form, grid, .minmax, .formed), .scaled(form, rows: true, columns: true),
      .addMagnitudes(n: 8, width: 64, .f32), .relativeMagnitudes(form, group: 32),
      .scaledRoundingCost(form, grid, .minmax), .clippingLimits(form, grid, .minmax),
      .divergence(n: 8, vocabulary: 64),
      .masked(n: 8, width: 64, .f32), .columnDots(n: 8, width: 64, .f32), .rowNorms(form),
      .eigenvectors(n: 96, count: 5), .survival(form), .survival(packed),
      .convert(count: 64, .f32, to: .bf16), .copy(count: 64, .f32), .fill(count: 64, .f32),
      .draw(count: 64, .f32), .read(count: 64, .f32),
    ]
    var times = OperationTimes(on: real)
    let counts = Dictionary(uniqueKeysWithValues: operations.map { ($0, 1) })
    #expect(try times.measure(counts, on: real, limit: 60))
    for operation in operations {
      #expect(times.measured["\(operation)"] != nil, "\(operation)")
      #expect(times.seconds(of: operation) > 0 && times.seconds(of: operation) < 5)
      #expect(operation.bytes > 0)
    }
    // Of one that was not measured, the nearest of its kind tells.
    let twice = Operation.gram(n: 64, width: 64, .f32, .f32)
    #expect(times.seconds(of: twice) > times.seconds(of: .gram(n: 32, width: 64, .f32, .f32)))
  }
}

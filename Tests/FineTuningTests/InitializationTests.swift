import Models
import Quantization
import Tensor
import Testing

@testable import FineTuning

/// Adapters that start by repairing what rounding did.
struct InitializationTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  static let calibration = CalibrationData(
    blocks: TrainingData.random(
      blocks: 6, length: 40, vocabulary: TinyModel.vocabulary, seed: 8
    ).examples.map(\.tokens), source: "random")

  func quantized(_ model: Model, bits: Int = 3) throws -> Model {
    let grid = Grid(bits: bits, group: 16, symmetric: false)
    return try model.mapLinears { linear in
      var linear = linear
      if case .dense(let weight) = linear.weight {
        linear.weight = .packed(try backend.round(weight, to: grid, rule: .minmax, limits: nil))
      }
      return linear
    }
  }

  /// A symmetric positive definite matrix with a wide spectrum.
  func metric(_ width: Int, _ purpose: String) throws -> Tensor {
    let x = TinyModel.noise([3 * width, width], deviation: 1, purpose, seed: 2)
    let scale = Tensor((0..<width).map { 1 / Float(1 + $0) }, shape: [width])
    let scaled = try backend.scaled(x, rows: nil, columns: scale)
    return try backend.product(
      scaled, transposed: true, scaled, transposed: false, alpha: 1, beta: 0, into: nil)
  }

  /// tr D·H·Dᵀ in f64.
  func cost(_ d: [Float], _ h: [Float]?, _ outputs: Int, _ inputs: Int) -> Double {
    var sum = 0.0
    for row in 0..<outputs {
      for i in 0..<inputs {
        let left = Double(d[row * inputs + i])
        guard let h else {
          sum += left * left
          continue
        }
        for j in 0..<inputs {
          sum += left * Double(h[i * inputs + j]) * Double(d[row * inputs + j])
        }
      }
    }
    return sum
  }

  /// The least cost over all matrices of a rank: the sum of the squared singular values of T·R beyond the rank, with
  /// R·Rᵀ = H from a Cholesky factorization and the singular values from one-sided Jacobi rotations, all in f64.
  func optimum(_ target: [Float], _ h: [Float]?, outputs: Int, inputs: Int, rank: Int) -> Double {
    var root = [Double](repeating: 0, count: inputs * inputs)
    for i in 0..<inputs {
      for j in 0...i {
        var sum = h.map { Double($0[i * inputs + j]) } ?? (i == j ? 1 : 0)
        for k in 0..<j { sum -= root[i * inputs + k] * root[j * inputs + k] }
        root[i * inputs + j] = i == j ? sum.squareRoot() : sum / root[j * inputs + j]
      }
    }
    // Rows to be made orthogonal: of (T·R) itself, so its left singular values.
    var rows = (0..<outputs).map { row in
      (0..<inputs).map { column in
        (0..<inputs).reduce(0.0) {
          $0 + Double(target[row * inputs + $1]) * root[$1 * inputs + column]
        }
      }
    }
    for _ in 0..<60 {
      for p in 0..<outputs {
        for q in p + 1..<outputs {
          let (a, b) = (
            rows[p].reduce(0) { $0 + $1 * $1 }, rows[q].reduce(0) { $0 + $1 * $1 }
          )
          let c = zip(rows[p], rows[q]).reduce(0) { $0 + $1.0 * $1.1 }
          guard abs(c) > 1e-14 * (a * b).squareRoot() else { continue }
          let zeta = (b - a) / (2 * c)
          let t = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + t * t).squareRoot()
          for k in 0..<inputs {
            let (x, y) = (rows[p][k], rows[q][k])
            rows[p][k] = cosine * (x - t * y)
            rows[q][k] = cosine * (y + t * x)
          }
        }
      }
    }
    let squares = rows.map { $0.reduce(0) { $0 + $1 * $1 } }.sorted(by: >)
    return squares.dropFirst(rank).reduce(0, +)
  }

  /// More outputs than inputs, fewer, and as many; with and without a metric.
  @Test(arguments: [[20, 12], [12, 20], [16, 16]], [false, true])
  func theFactorsAreTheOptimum(shape: [Int], weighted: Bool) throws {
    let (outputs, inputs) = (shape[0], shape[1])
    let target = TinyModel.noise([outputs, inputs], deviation: 1, "target", seed: 6)
    let h = weighted ? try metric(inputs, "metric") : nil
    for rank in [1, 3, 7] {
      let best = try LowRank(target, metric: h, rank: rank, on: backend)
      #expect(best.b.shape == [outputs, rank] && best.a.shape == [rank, inputs])
      let product = try backend.read(
        backend.product(
          best.b, transposed: false, best.a, transposed: false, alpha: 1, beta: 0, into: nil))
      let values = try backend.read(target)
      let weights = try h.map { try backend.read($0) }
      let found = cost(zip(values, product).map { $0 - $1 }, weights, outputs, inputs)
      let least = optimum(values, weights, outputs: outputs, inputs: inputs, rank: rank)
      let whole = cost(values, weights, outputs, inputs)
      #expect(abs(found - least) < 1e-4 * whole, "\(found) found, \(least) possible, of \(whole)")
      // Both factors of a direction are equally long.
      let (b, a) = (try backend.read(best.b), try backend.read(best.a))
      for place in 0..<rank {
        let n = (0..<outputs).reduce(0.0) {
          $0 + Double(b[$1 * rank + place] * b[$1 * rank + place])
        }
        let m = (0..<inputs).reduce(0.0) {
          $0 + Double(a[place * inputs + $1] * a[place * inputs + $1])
        }
        #expect(abs(n / m - 1) < 1e-3)
      }
    }
  }

  @Test func aRankBeyondTheMatrixRepairsAll() throws {
    let target = TinyModel.noise([6, 9], deviation: 1, "target", seed: 6)
    let best = try LowRank(target, metric: nil, rank: 8, on: backend)
    let product = try backend.read(
      backend.product(
        best.b, transposed: false, best.a, transposed: false, alpha: 1, beta: 0, into: nil))
    #expect(zip(try backend.read(target), product).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  /// The calibrated error of every layer falls, by as much as its rank allows; that of a default adapter stays.
  @Test(arguments: TinyModel.Family.allCases)
  func cloqRepairsWhatCalibrationSees(family: TinyModel.Family) throws {
    let float = try TinyModel.make(family, backend: backend)
    let model = try quantized(float)
    let lora = LoRA(rank: 6, alpha: 3, dropout: 0, seed: 5)
    let (repaired, report) = try lora.attach(
      to: model, initialization: .cloq, float: float, calibration: Self.calibration)
    #expect(report.layers.map(\.name) == model.allLinears.map(\.name))
    #expect(report.layers.allSatisfy { $0.after < $0.before && $0.after > 0 })
    #expect(repaired.lineage.last == "cloq r6")
    // The same text through the first layer: the Hessian is that of the norm's output, whatever follows.
    var pass = try CalibrationPass(model, Self.calibration)
    try pass.begin(model.blocks[0])
    let h = try pass.statistics().hessian
    let place = try #require(model.blocks[0].linears(of: .attentionInput).first)
    guard case .dense(let weight) = float.blocks[0].linears[place].weight,
      case .packed(let matrix) = model.blocks[0].linears[place].weight
    else { return }
    let error = zip(try backend.read(weight), try backend.read(backend.dequantize(matrix))).map {
      $0 - $1
    }
    let adapter = try #require(repaired.blocks[0].linears[place].adapter)
    let delta = try backend.read(adapter.term.delta(on: backend))
    let metric = try backend.read(h)
    let (outputs, inputs) = (weight.rows, weight.columns)
    let after = cost(zip(error, delta).map { $0 - $1 }, metric, outputs, inputs)
    let least = optimum(error, metric, outputs: outputs, inputs: inputs, rank: 6)
    let before = cost(error, metric, outputs, inputs)
    #expect(abs(after - least) < 1e-4 * before)
    let (plain, _) = try lora.attach(to: model, initialization: .default)
    let unchanged = try backend.read(
      #require(plain.blocks[0].linears[place].adapter).term.delta(on: backend))
    #expect(unchanged.allSatisfy { $0 == 0 })
  }

  /// Without a metric it is the plain error that is least; with one, the calibrated error.
  @Test func loftqAndCloqEachWinByTheirOwnMeasure() throws {
    let float = try TinyModel.make(backend: backend)
    let model = try quantized(float)
    let lora = LoRA(rank: 4, alpha: 4, dropout: 0)
    let loftq = try lora.attach(to: model, initialization: .loftq, float: float)
    let cloq = try lora.attach(
      to: model, initialization: .cloq, float: float, calibration: Self.calibration)
    func distance(_ repaired: Model) throws -> Double {
      try zip(float.allLinears, repaired.allLinears).reduce(0.0) { sum, pair in
        guard case .dense(let weight) = pair.0.weight, case .packed(let matrix) = pair.1.weight,
          let adapter = pair.1.adapter
        else { return sum }
        let parts = (
          try backend.read(weight), try backend.read(backend.dequantize(matrix)),
          try backend.read(adapter.term.delta(on: backend))
        )
        return sum
          + parts.0.indices.reduce(0.0) {
            let rest = Double(parts.0[$1] - parts.1[$1] - parts.2[$1])
            return $0 + rest * rest
          }
      }
    }
    #expect(try distance(loftq.model) < distance(cloq.model))
    #expect(cloq.report.after < cloq.report.before)
  }

  /// The principal part moves from the base into the adapter; the model computes what it did.
  @Test func pissaChangesNothingButWhereWeightsAre() throws {
    let float = try TinyModel.make(backend: backend)
    let (model, report) = try LoRA(rank: 5, alpha: 2, dropout: 0).attach(
      to: float, initialization: .pissa)
    func logits(_ model: Model) throws -> [Float] {
      try backend.read(
        model.logits(model.hidden(MergeTests.ids, segments: Segments(lengths: [5, 3]))))
    }
    #expect(zip(try logits(float), try logits(model)).allSatisfy { abs($0 - $1) < 1e-3 })
    #expect(report.layers.allSatisfy { $0.before == 1 && $0.after < 1 })
    #expect(try logits(model.droppingAdapter()) != logits(float))
  }

  /// AWQ's weights stand in another basis: the float block is brought into it and computes the same there.
  @Test(arguments: TinyModel.Family.allCases)
  func cloqRepairsAWQInItsOwnBasis(family: TinyModel.Family) throws {
    let float = try TinyModel.make(family, backend: backend)
    var settings = try Quantizers.named("awq").defaults
    settings.bits = 3
    settings.group = 16
    let (model, _) = try float.quantized(settings, calibration: Self.calibration)
    let changed = try zip(float.blocks, model.blocks).contains {
      try backend.read($0.postNorm) != backend.read($1.postNorm)
        || backend.read($0.inputNorm) != backend.read($1.inputNorm)
    }
    #expect(changed, "AWQ scaled nothing, so this shows nothing")
    var folded = float
    for index in float.blocks.indices {
      folded.blocks[index] = try float.blocks[index].inBasis(
        of: model.blocks[index], float.config, on: backend)
    }
    func hidden(_ model: Model) throws -> [Float] {
      try backend.read(model.hidden(MergeTests.ids, segments: Segments(lengths: [5, 3])))
    }
    #expect(zip(try hidden(float), try hidden(folded)).allSatisfy { abs($0 - $1) < 1e-3 })
    let (_, report) = try LoRA(rank: 6, alpha: 6).attach(
      to: model, initialization: .cloq, float: float, calibration: Self.calibration)
    #expect(report.layers.allSatisfy { $0.before < 0.3 && $0.after < $0.before })
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let float = try TinyModel.make(backend: backend)
    let model = try quantized(float)
    let lora = LoRA(rank: 3)
    func reason(_ body: () throws -> Void) -> InitializationMismatch.Reason? {
      do { try body() } catch { return (error as? InitializationMismatch)?.reason }
      return nil
    }
    #expect(
      reason { _ = try lora.attach(to: model, initialization: .pissa) } == .quantizedBase)
    #expect(
      reason { _ = try lora.attach(to: float, initialization: .cloq, float: float) } == .floatBase)
    #expect(reason { _ = try lora.attach(to: model, initialization: .loftq) } == .noFloatModel)
    #expect(
      reason { _ = try lora.attach(to: model, initialization: .cloq, float: float) }
        == .noCalibration)
    #expect(
      reason {
        _ = try lora.attach(
          to: model, initialization: .loftq, float: TinyModel.make(.llama, backend: backend))
      } == .otherModel)
  }
}

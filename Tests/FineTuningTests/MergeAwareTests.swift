import Models
import Tensor
import Testing

@testable import FineTuning

/// Training on the codes that merging gives.
struct MergeAwareTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  static let grids = [
    Grid(bits: 4, group: 16, symmetric: false), Grid(bits: 3, group: 16, symmetric: true),
  ]

  /// A quantized model with adapters that move many codes.
  func model(
    _ family: TinyModel.Family = .phi3, grid: Grid = grids[0], adapted: Bool = true
  ) throws -> Model {
    let base = try TinyModel.make(family, backend: backend).mapLinears { linear in
      var linear = linear
      if case .dense(let weight) = linear.weight {
        linear.weight = .packed(try backend.round(weight, to: grid, rule: .minmax, limits: nil))
      }
      return linear
    }
    let model = try LoRA(method: .mergeAware, rank: 3, alpha: 6, seed: 5).attach(to: base)
    guard adapted else { return model }
    return model.mapLinears { linear in
      var linear = linear
      if let adapter = linear.adapter {
        linear.adapter?.b = TinyModel.noise(
          adapter.b.shape, deviation: 0.2, "B \(linear.name)", seed: 9)
      }
      return linear
    }
  }

  func logits(_ model: Model) throws -> [Float] {
    try backend.read(
      model.logits(model.hidden(MergeTests.ids, segments: Segments(lengths: [5, 3]))))
  }

  func codes(_ model: Model) throws -> [[Float]] {
    try model.allLinears.compactMap {
      guard case .packed(let matrix) = $0.weight else { return nil }
      return try backend.read(matrix.codes)
    }
  }

  /// What was trained is what is shipped: the merged model computes the same, bit for bit, and needs no request.
  @Test(arguments: TinyModel.Family.allCases, grids)
  func mergingLosesNothing(family: TinyModel.Family, grid: Grid) throws {
    let model = try model(family, grid: grid)
    let (merged, report) = try Merge()(model)
    #expect(try logits(model) == logits(merged))
    #expect(!merged.hasAdapter && report.isMergeAware && !report.isNearNoOp)
    #expect(report.total.changed > 0.1)
    // Not the same as leaving the adapter out, nor as adding it in float.
    #expect(try logits(merged) != logits(model.droppingAdapter()))
    let float = model.mapLinears { linear in
      var linear = linear
      linear.adapter?.isMergeAware = false
      return linear
    }
    #expect(try logits(merged) != logits(float))
  }

  /// The same after real steps, dropout or not: training computed with the codes that merging gives.
  @Test func theCodesAreThoseThatWereTrained() throws {
    var settings = FineTuningSettings()
    settings.steps = 6
    settings.batch = 2
    settings.rate = 0.02
    let start = try model(adapted: false)
    let (trained, report) = try Trainer(settings).train(
      start, on: TinyModel.data(), evaluating: TinyModel.data(2))
    #expect(report.steps == 6)
    #expect(trained.lineage.last == "merge-aware r3 6 steps")
    let (merged, _) = try Merge()(trained)
    let (before, after) = (try codes(start), try codes(merged))
    #expect(before != after)
    #expect(try codes(trained) == before)
    // The loss that training saw last is the loss of the merged model.
    var run = try TrainingRun(merged, data: TinyModel.data(), settings: settings)
    try run.evaluate(TinyModel.data(2))
    #expect(run.report.evaluations.last?.loss == report.evaluations.last?.loss)
  }

  /// Rounding passes gradients straight through: they are those of the float sum at the rounded weight, which finite
  /// differences of that surrogate must confirm.
  @Test(arguments: TinyModel.Family.allCases)
  func gradientsAreThoseOfTheSurrogate(family: TinyModel.Family) throws {
    let model = try model(family)
    let examples = TinyModel.examples()
    let settings = FineTuningSettings()
    let run = try TrainingRun(
      model, data: TrainingData(examples: examples, packing: ""), settings: settings)
    // The merged weight less the delta at this point, in float: with the adapter beside it, the surrogate.
    let (merged, _) = try Merge()(model)
    var surrogate = try run.model.mapLinears { linear in
      var linear = linear
      guard let adapter = linear.adapter,
        case .packed(let matrix)? = merged.linear(named: linear.name)?.weight
      else { return linear }
      let minus = try backend.product(
        adapter.b, transposed: false, adapter.a, transposed: false, alpha: -adapter.scale, beta: 0,
        into: nil)
      linear.weight = .dense(try backend.add(backend.dequantize(matrix), minus))
      linear.adapter?.isMergeAware = false
      return linear
    }
    surrogate.precision = model.precision
    try GradientCheck(run: run, examples: examples, backend: backend).differences(
      of: surrogate, dropout: nil, tolerance: 1e-5, parameters: 2 * model.allLinears.count)
  }

  @Test func aFloatBaseHasNoGrid() throws {
    let base = try TinyModel.make(backend: backend)
    #expect(throws: NothingToMergeInto.self) {
      try LoRA(method: .mergeAware, rank: 3).attach(to: base)
    }
  }
}

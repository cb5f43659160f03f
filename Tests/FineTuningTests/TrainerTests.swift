import Models
import Runtime
import Tensor
import Testing

@testable import FineTuning

struct TrainerTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  func settings(_ steps: Int = 6) -> FineTuningSettings {
    var settings = FineTuningSettings()
    settings.steps = steps
    settings.batch = 3
    settings.rate = 1e-2
    settings.log = 2
    return settings
  }

  @Test func trainingLowersTheLossAndLeavesTheModelAlone() throws {
    let model = try LoRA(rank: 8, alpha: 16, dropout: 0)
      .attach(to: TinyModel.make(backend: backend))
    let before = try model.adapterValues()
    let data = TinyModel.data(6)
    let (trained, report) = try Trainer(settings(60)).train(model, on: data, evaluating: data)
    #expect(report.loss.count == 60 && report.gradientNorm.count == 60)
    let late = report.loss.suffix(6).reduce(0, +) / 6
    #expect(late < 0.5 * report.loss.prefix(6).reduce(0, +) / 6)
    #expect(report.evaluations.map(\.step) == Array(stride(from: 2, through: 60, by: 2)))
    #expect(try #require(report.evaluations.last).loss < 0.5 * report.loss[0])
    #expect(try model.adapterValues() == before)
    #expect(try trained.adapterValues() != before)
    #expect(trained.lineage == ["tiny", "lora r8 60 steps"])
    #expect(report.stopped == nil)
    #expect(report.parameters == model.adapterParameterCount)
    #expect(report.epochs == 30)
    #expect(report.tokens == 30 * data.tokens)
    #expect(report.tokensPerSecond > 0)
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let model = try LoRA(rank: 4, dropout: 0.1).attach(to: TinyModel.make(backend: backend))
    let data = TinyModel.data()
    let (one, first) = try Trainer(settings()).train(model, on: data)
    let (two, second) = try Trainer(settings()).train(model, on: data)
    #expect(first.loss == second.loss)
    #expect(try one.adapterValues() == two.adapterValues())
    var other = settings()
    other.seed = 43
    #expect(try Trainer(other).train(model, on: data).report.loss != first.loss)
  }

  @Test func trainingGoesOnFromAnAdapter() throws {
    let model = try LoRA(rank: 4, dropout: 0).attach(to: TinyModel.make(backend: backend))
    let data = TinyModel.data(3)
    let (once, first) = try Trainer(settings(20)).train(model, on: data)
    let (twice, second) = try Trainer(settings(20)).train(once, on: data)
    #expect(second.loss[0] < first.loss[0])
    #expect(twice.lineage == ["tiny", "lora r4 20 steps", "lora r4 20 steps"])
  }

  @Test func anInterruptKeepsTheStepsMade() throws {
    let model = try LoRA(rank: 4, dropout: 0).attach(to: TinyModel.make(backend: backend))
    let data = TinyModel.data()
    var trainer = Trainer(settings(6))
    let stop = Countdown(3)
    trainer.check = { try stop.count() }
    let (partial, report) = try trainer.train(model, on: data)
    #expect(report.stopped == .interrupted)
    #expect(report.loss.count == 3)
    #expect(partial.lineage.last == "lora r4 3 steps")
    let (whole, _) = try Trainer(settings(3)).train(model, on: data)
    #expect(try partial.adapterValues() == whole.adapterValues())
  }

  @Test func anInterruptBeforeTheFirstStepIsThrown() throws {
    let model = try LoRA(rank: 4).attach(to: TinyModel.make(backend: backend))
    var trainer = Trainer(settings())
    trainer.check = { throw Cancelled() }
    #expect(throws: Cancelled.self) { try trainer.train(model, on: TinyModel.data()) }
  }

  @Test func aLossThatIsNotFiniteNamesTheLayer() throws {
    let model = try LoRA(rank: 4, dropout: 0).attach(to: TinyModel.make(backend: backend))
    let name = "model.layers.1.mlp.gate_up_proj"
    let broken = model.mapLinears { linear in
      guard linear.name == name else { return linear }
      var linear = linear
      let count = linear.outputs * linear.inputs
      linear.weight = .dense(
        Tensor(
          [.nan] + [Float](repeating: 0, count: count - 1),
          shape: [linear.outputs, linear.inputs]))
      return linear
    }
    let (result, report) = try Trainer(settings()).train(broken, on: TinyModel.data())
    #expect(
      report.stopped == .diverged(TrainingDiverged(step: 1, quantity: "loss", layer: name)))
    #expect(report.loss.isEmpty)
    #expect(try result.adapterValues() == model.adapterValues())
    #expect(result.lineage == ["tiny"])
  }

  /// A step so large that the next loss overflows: the adapters go back to those of the last finite loss.
  @Test func aStepThatRuinsTheModelIsTakenBack() throws {
    let model = try LoRA(rank: 4, dropout: 0).attach(to: TinyModel.make(backend: backend))
    var settings = settings()
    settings.rate = 1e37
    let (result, report) = try Trainer(settings).train(model, on: TinyModel.data())
    guard case .diverged(let failure) = report.stopped else {
      Issue.record("the run did not stop: \(report.loss)")
      return
    }
    #expect(failure.step >= 2 && failure.layer != nil)
    // The update of the step before the failure is gone, and only that one.
    var fewer = settings
    fewer.steps = failure.step - 2
    if fewer.steps > 0 {
      let (good, _) = try Trainer(fewer).train(model, on: TinyModel.data())
      #expect(try result.adapterValues() == good.adapterValues())
      #expect(result.lineage == good.lineage)
    } else {
      #expect(try result.adapterValues() == model.adapterValues())
      #expect(result.lineage == ["tiny"])
    }
    let values = try result.adapterValues()
    #expect(values.allSatisfy { $0.allSatisfy(\.isFinite) })
    let hidden = try result.hidden([1, 2, 3], segments: Segments(lengths: [3]))
    #expect(try backend.read(hidden).allSatisfy(\.isFinite))
  }

  /// AdamW as its paper writes it, in f64, clipping included.
  @Test func theOptimizerFollowsThePaper() throws {
    let model = try TinyModel.adapted(backend: backend)
    var copy = model
    var optimizer = try AdapterOptimizer(&copy)
    var value = try optimizer.parameters.map { try backend.read($0.value).map(Double.init) }
    var first = value.map { $0.map { _ in 0.0 } }
    var second = first
    let (rate, decay, clip) = (0.01, 0.1, 1.0)
    for step in 1...4 {
      let gradients = optimizer.parameters.map {
        TinyModel.noise($0.value.shape, deviation: 0.05 * Float(step), $0.layer, seed: UInt64(step))
      }
      let numbers = try gradients.map { try backend.read($0).map(Double.init) }
      let norm = numbers.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
      let scale = min(1, clip / (norm + 1e-6))
      let reported = try optimizer.step(
        gradients, rate: Float(rate), decay: Float(decay), clip: Float(clip))
      #expect(abs(reported / norm - 1) < 1e-6)
      for tensor in value.indices {
        for place in value[tensor].indices {
          let gradient = numbers[tensor][place] * scale
          first[tensor][place] = 0.9 * first[tensor][place] + 0.1 * gradient
          second[tensor][place] = 0.999 * second[tensor][place] + 0.001 * gradient * gradient
          let m = first[tensor][place] / (1 - power(0.9, step))
          let v = second[tensor][place] / (1 - power(0.999, step))
          value[tensor][place] -=
            rate * (m / (v.squareRoot() + 1e-8) + decay * value[tensor][place])
        }
      }
    }
    for (parameter, expected) in zip(optimizer.parameters, value) {
      let got = try backend.read(parameter.value)
      #expect(zip(got, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 })
    }
    #expect(try model.adapterValues() != copy.adapterValues())
  }

  func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }

  @Test func nothingToTrainIsSaid() throws {
    let model = try TinyModel.make(backend: backend)
    #expect(throws: NoAdapter.self) { try Trainer(settings()).train(model, on: TinyModel.data()) }
    let adapted = try LoRA(rank: 2).attach(to: model)
    #expect(throws: NothingToTrainOn.self) {
      try Trainer(settings()).train(adapted, on: TrainingData(examples: [], packing: ""))
    }
    #expect(throws: NothingToTrainOn.self) {
      try Trainer(settings()).train(
        adapted,
        on: TrainingData(examples: [TrainingExample(tokens: [1])], packing: ""))
    }
  }
}

/// Lets so many checks pass, then is cancelled.
final class Countdown: @unchecked Sendable {
  private var left: Int
  init(_ left: Int) { self.left = left }
  func count() throws {
    guard left > 0 else { throw Cancelled() }
    left -= 1
  }
}

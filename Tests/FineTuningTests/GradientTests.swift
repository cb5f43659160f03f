import Models
import Tensor
import Testing

@testable import FineTuning

/// The gradients of every trainable tensor through a whole model.
struct GradientTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  @Test(arguments: TinyModel.Family.allCases, [Float(0), 0.3])
  func gradientsAgreeWithFiniteDifferences(family: TinyModel.Family, dropout: Float) throws {
    let model = try TinyModel.adapted(family, dropout: dropout, backend: backend)
    let examples = TinyModel.examples()
    let run = try TrainingRun(
      model, data: TrainingData(examples: examples, packing: ""), settings: .init())
    try GradientCheck(run: run, examples: examples, backend: backend).differences(
      of: run.model, dropout: DropoutContext(seed: run.settings.seed, step: 0), tolerance: 1e-6,
      parameters: 2 * model.allLinears.count)
  }

  @Test(arguments: TinyModel.Family.allCases)
  func checkpointingGivesTheSameBits(family: TinyModel.Family) throws {
    try GradientCheck.checkpointing(
      TinyModel.adapted(family, dropout: 0.2, backend: backend), backend)
  }

  @Test func partsOfABatchAddUpToTheWhole() throws {
    let model = try TinyModel.adapted(backend: backend)
    var settings = FineTuningSettings()
    let data = TrainingData(examples: TinyModel.examples(), packing: "")
    let whole = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 0)
    settings.passTokens = 17
    #expect(TrainingRun.parts(of: data.examples, tokens: 17).map(\.count) == [1, 1, 1, 1])
    #expect(TrainingRun.parts(of: data.examples, tokens: 26).map(\.count) == [2, 2])
    let parts = try TrainingRun(model, data: data, settings: settings)
      .gradients(of: data.examples, step: 0)
    #expect(abs(whole.0 - parts.0) < 1e-6)
    for (one, other) in zip(whole.1, parts.1) {
      let (one, other) = (try backend.read(#require(one)), try backend.read(#require(other)))
      let scale = one.reduce(0) { max($0, abs($1)) }
      #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 * scale })
    }
  }

  /// A masked token has no part in the loss or the gradient.
  @Test func onlyPredictedTokensCount() throws {
    let model = try TinyModel.adapted(backend: backend)
    var example = TinyModel.examples(1)[0]
    example.predicted = example.tokens.indices.map { $0 >= 4 && $0 < 7 }
    #expect(example.predictions == 3)
    #expect(example.targets.map { $0 >= 0 } == (0..<9).map { $0 >= 3 && $0 < 6 })
    let run = try TrainingRun(
      model, data: TrainingData(examples: [example], packing: ""), settings: .init())
    let hidden = try model.hidden(example.tokens, segments: Segments(lengths: [9]))
    var whole = example
    whole.predicted = nil
    let nll = try backend.read(model.nll(hidden, targets: whole.targets))
    let expected = nll[3..<6].reduce(0.0) { $0 + Double($1) } / 3
    #expect(try abs(run.gradients(of: [example], step: 0).0 - expected) < 1e-6)
  }
}

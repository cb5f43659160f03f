import Models
import Runtime
import Tensor
import TestSupport
import Testing

@testable import Cache
@testable import FineTuning

/// A fine-tune that dies at some step and is started again.
struct ResumingTests {
  /// The process is gone: nothing may be done any more.
  private struct Death: Error {}

  @Test(arguments: [LoRA.Method.lora, .rslora, .dora])
  func aRunInPiecesGivesTheSameBytes(_ method: LoRA.Method) throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let backend = try TestBackend.cpu
    let model = try LoRA(method: method, rank: 4, dropout: 0.1)
      .attach(to: TinyModel.make(backend: backend))
    let data = TinyModel.data()
    var settings = FineTuningSettings()
    settings.steps = 9
    settings.batch = 3
    settings.rate = 1e-2
    settings.log = 2
    settings.schedule = Schedule(.cosine, warmup: 2)
    let (whole, expected) = try Trainer(settings).train(model, on: data, evaluating: data)

    let store = ContentStore(folder: "\(folder)/cache")
    var trainer = Trainer(settings)
    for death in [1, 2, 5] {
      let left = StepCounter(death)
      trainer.workplace = Workplace(store: store, stage: "a", keepsEverything: true)
      trainer.check = { if left.isOver { throw Death() } }
      #expect(throws: Death.self) { try trainer.train(model, on: data, evaluating: data) }
    }
    // Where the newer of the two states is damaged, the older one serves.
    let newest = try #require(
      (0..<2).compactMap { trainer.workplace?.find("state \($0)") }
        .max { ($0.facts["steps"]?.intValue ?? 0) < ($1.facts["steps"]?.intValue ?? 0) })
    #expect(newest.facts["steps"]?.intValue ?? 0 >= 8)
    try Shared.resize("\(newest.folder)/optimizer.safetensors", to: 100)
    trainer.workplace = Workplace(store: store, stage: "a", keepsEverything: true)
    trainer.check = {}
    let (pieces, report) = try trainer.train(model, on: data, evaluating: data)
    #expect(report.resumed ?? 0 >= 7)
    #expect(try pieces.adapterValues() == whole.adapterValues())
    #expect(report.loss == expected.loss)
    #expect(report.gradientNorm == expected.gradientNorm)
    #expect(report.evaluations == expected.evaluations)
    #expect(report.tokens == expected.tokens && report.epochs == expected.epochs)
    #expect(pieces.lineage == whole.lineage)

    // Another stage finds nothing of it, and a stage that is done leaves nothing behind.
    #expect(Workplace(store: store, stage: "b").find("state 0") == nil)
    let again = Workplace(store: store, stage: "a")
    for slot in 0..<2 { _ = again.find("state \(slot)") }
    again.clear()
    #expect(store.entries().isEmpty)
  }
}

/// Counts the checks before steps down from one run to its death.
private final class StepCounter: @unchecked Sendable {
  private var left: Int
  init(_ steps: Int) { left = steps }
  var isOver: Bool {
    left -= 1
    return left < 0
  }
}

import Checkpoints
import FoundationEssentials
import Models
import Tensor
import TestSupport
import Testing

@testable import FineTuning

/// What training made, written as PEFT and read again.
struct AdapterFileTests {
  /// Merge-aware training needs a quantized base; it has tests of its own.
  @Test(arguments: LoRA.Method.allCases.filter { $0 != .mergeAware })
  func aTrainedAdapterComesBackFromDisk(method: LoRA.Method) throws {
    let backend = try TestBackend.cpu
    let base = "\(Shared.root)/stdlib/demo/phi"
    let model = try LoRA(
      method: method, rank: 4, alpha: 8, dropout: 0.1, targets: .named(["qkv_proj", "down_proj"])
    ).attach(to: loadModel(folder: base, backend: backend, compute: .f32))
    var settings = FineTuningSettings()
    settings.steps = 2
    settings.batch = 2
    let data = TrainingData.random(blocks: 4, length: 12, vocabulary: 2048, seed: 1)
    let (trained, _) = try Trainer(settings).train(model, on: data)
    #expect(trained.lineage.last == "\(method.rawValue) r4 2 steps")
    #expect(trained.lineage.last.map(LoRA.Method.isTraining) == true)
    #expect(!["cloq r4", "rtn w4 g128", "merged"].contains(where: LoRA.Method.isTraining))
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try saveAdapter(trained, to: "\(folder)/adapter", base: base)
    let loaded = try loadModel(folder: "\(folder)/adapter", backend: backend, compute: .f32)
    #expect(try loaded.adapterValues() == trained.adapterValues())
    for (one, other) in zip(loaded.allLinears, trained.allLinears) {
      #expect(one.adapter?.scale == other.adapter?.scale)
      #expect(one.adapter?.alpha == other.adapter?.alpha)
      #expect(one.adapter?.dropout == other.adapter?.dropout)
      #expect(one.adapter?.method == other.adapter?.method)
    }
    // It trains on from there as if it had never left memory, and leaves the read one alone.
    let (again, first) = try Trainer(settings).train(loaded, on: data)
    let (direct, second) = try Trainer(settings).train(trained, on: data)
    #expect(first.loss == second.loss)
    #expect(try again.adapterValues() == direct.adapterValues())
    #expect(try loaded.adapterValues() == trained.adapterValues())
  }
}

import Models
import Tensor
import Testing

@testable import FineTuning

struct LoRATests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  @Test func aFreshAdapterChangesNothing() throws {
    let model = try TinyModel.make(backend: backend)
    let adapted = try LoRA(rank: 4).attach(to: model)
    let ids: [Int32] = [1, 5, 9, 2, 60, 33]
    let segments = Segments(lengths: [6])
    let before = try backend.read(model.hidden(ids, segments: segments))
    #expect(try backend.read(adapted.hidden(ids, segments: segments)) == before)
    #expect(!model.hasAdapter)
    #expect(adapted.allLinears.allSatisfy { $0.adapter != nil })
  }

  /// Kaiming-uniform with a = √5 is uniform in ±1/√in, whose variance is 1/(3·in).
  @Test func aIsUniformAndBIsZero() throws {
    let model = try LoRA(rank: 50).attach(to: TinyModel.make(backend: backend))
    for linear in model.allLinears {
      let adapter = try #require(linear.adapter)
      let a = try backend.read(adapter.a)
      let bound = 1 / Float(linear.inputs).squareRoot()
      #expect(adapter.a.shape == [50, linear.inputs] && adapter.b.shape == [linear.outputs, 50])
      #expect(a.allSatisfy { abs($0) <= bound })
      let (low, high) = (try #require(a.min()), try #require(a.max()))
      #expect(high > 0.98 * bound && low < -0.98 * bound)
      let variance = a.reduce(0) { $0 + $1 * $1 } / Float(a.count)
      #expect(abs(variance * 3 * Float(linear.inputs) - 1) < 0.1)
      #expect(try backend.read(adapter.b).allSatisfy { $0 == 0 })
    }
  }

  @Test func layersAndSeedsDrawTheirOwnNumbers() throws {
    let model = try TinyModel.make(backend: backend)
    let one = try LoRA(rank: 4, seed: 1).attach(to: model).adapterValues()
    #expect(try one == LoRA(rank: 4, seed: 1).attach(to: model).adapterValues())
    #expect(try one != LoRA(rank: 4, seed: 2).attach(to: model).adapterValues())
    // The same projection of two blocks.
    #expect(one[0] != one[8])
  }

  @Test func methodsDifferInTheirScale() throws {
    #expect(LoRA(rank: 64, alpha: 16).scale == 0.25)
    #expect(LoRA(method: .rslora, rank: 64, alpha: 16).scale == 2)
    let model = try LoRA(method: .rslora, rank: 4, alpha: 8)
      .attach(to: TinyModel.make(backend: backend))
    #expect(model.allLinears.allSatisfy { $0.adapter?.scale == 4 })
  }

  @Test func targetsMatchTheEndOfNames() throws {
    let model = try TinyModel.make(backend: backend)
    let adapted = try LoRA(rank: 2, targets: .named(["qkv_proj", "mlp.down_proj"]))
      .attach(to: model)
    #expect(
      adapted.allLinears.filter { $0.adapter != nil }.map(\.name) == [
        "model.layers.0.self_attn.qkv_proj", "model.layers.0.mlp.down_proj",
        "model.layers.1.self_attn.qkv_proj", "model.layers.1.mlp.down_proj",
      ])
    let exact = AdapterTargets.named(["model.layers.1.self_attn.o_proj"])
    #expect(
      try exact.choose(among: model.allLinears.map(\.name)) == ["model.layers.1.self_attn.o_proj"])
  }

  /// `proj` ends every name, but only after an underscore.
  @Test(arguments: ["q_proj", "proj", ""])
  func unknownTargetsAreNamedWithTheKnownOnes(target: String) throws {
    let model = try TinyModel.make(backend: backend)
    #expect {
      try LoRA(targets: .named([target])).attach(to: model)
    } throws: { error in
      let failure = error as? UnknownTarget
      return failure?.target == target
        && failure?.known == ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    }
    #expect(throws: UnknownTarget.self) { try LoRA(targets: .named([])).attach(to: model) }
  }

  @Test func aSecondAdapterIsRefused() throws {
    let model = try LoRA(rank: 2).attach(to: TinyModel.make(backend: backend))
    #expect(throws: AdapterPresent.self) { try LoRA(rank: 2).attach(to: model) }
    #expect(throws: ShapeMismatch.self) {
      try LoRA(rank: 0).attach(to: TinyModel.make(backend: backend))
    }
  }
}

import Models
import Runtime
import Tensor
import Testing

@testable import FineTuning

struct MergeTests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  static let ids: [Int32] = [1, 5, 9, 2, 60, 33, 17, 8]

  func logits(_ model: Model) throws -> [Float] {
    try backend.read(
      model.logits(model.hidden(Self.ids, segments: Segments(lengths: [5, 3]))))
  }

  /// scale · B·A by its definition, in f64.
  func delta(_ adapter: Adapter) throws -> [[Double]] {
    let (a, b) = (try backend.read(adapter.a), try backend.read(adapter.b))
    let (inputs, rank) = (adapter.a.columns, adapter.rank)
    var delta = [[Double]](
      repeating: .init(repeating: 0, count: inputs), count: adapter.b.rows)
    for row in delta.indices {
      for column in 0..<inputs {
        var sum = 0.0
        for place in 0..<rank {
          sum += Double(b[row * rank + place]) * Double(a[place * inputs + column])
        }
        delta[row][column] = sum * Double(adapter.scale)
      }
    }
    return delta
  }

  @Test(arguments: TinyModel.Family.allCases)
  func aMergedModelSaysTheSame(family: TinyModel.Family) throws {
    let model = try TinyModel.adapted(family, backend: backend)
    let (merged, report) = try Merge()(model)
    #expect(!merged.hasAdapter && model.hasAdapter)
    #expect(merged.lineage == ["tiny", "merged"])
    let (before, after) = (try logits(model), try logits(merged))
    #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 })
    // The adapter does something, so this is no comparison of a model with itself.
    let dropped = try logits(model.droppingAdapter())
    #expect(zip(before, dropped).contains { abs($0 - $1) > 0.1 })
    #expect(report.layers.map(\.name) == model.allLinears.map(\.name))
    #expect(report.layers.allSatisfy { $0.cosine > 0.999999 && $0.steps == nil })
    #expect(!report.isRequantized)
    let layer = try #require(model.allLinears.first)
    let change = try delta(#require(layer.adapter)).joined().reduce(0) { $0 + $1 * $1 }
    guard case .dense(let weight) = layer.weight else { return }
    let norm = try backend.read(weight).reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(report.layers[0].change / (change / norm).squareRoot() - 1) < 1e-4)
  }

  /// bf16 weights stay bf16, each the nearest to the exact sum.
  @Test func theTypeOfWeightsIsKept() throws {
    let model = try TinyModel.adapted(backend: backend, dtype: .bf16)
    let (merged, report) = try Merge()(model)
    for (before, after) in zip(model.allLinears, merged.allLinears) {
      guard case .dense(let old) = before.weight, case .dense(let new) = after.weight else {
        Issue.record("the weight is not dense")
        return
      }
      #expect(new.dtype == .bf16)
      let change = try delta(#require(before.adapter)).flatMap { $0 }
      for ((was, delta), got) in zip(zip(try backend.read(old), change), try backend.read(new)) {
        let exact = Double(was) + delta
        // Eight bits of precision: half a unit of the last place, and a hair for the sum's own rounding.
        let spacing = Double(Float(exact).ulp) * 65536
        #expect(abs(Double(got) - exact) <= 0.5 * spacing * 1.001)
      }
    }
    #expect(report.layers.allSatisfy { $0.cosine > 0.99 && $0.cosine < 1 - 1e-9 })
    #expect(report.layers.allSatisfy { $0.changed > 0.5 && $0.changed < 1 })
  }

  @Test func droppingTheAdapterGivesTheBaseBack() throws {
    let base = try TinyModel.make(backend: backend)
    let model = try TinyModel.adapted(backend: backend)
    let dropped = model.droppingAdapter()
    #expect(try logits(dropped) == logits(base))
    #expect(dropped.lineage == ["tiny", "adapter dropped"])
    #expect(base.droppingAdapter().lineage == ["tiny"])
  }

  @Test func aModelWithoutAdapterIsRefused() throws {
    let model = try TinyModel.make(backend: backend)
    #expect(throws: NothingToMerge.self) { try Merge()(model) }
  }

  static let grids = [
    Grid(bits: 4, group: 16, symmetric: true), Grid(bits: 4, group: 16, symmetric: false),
    Grid(bits: 3, group: 8, symmetric: false), Grid(bits: 2, group: 16, symmetric: true),
    Grid(bits: 8, group: nil, symmetric: false, scaleType: .f16),
  ]

  func quantized(_ model: Model, _ grid: Grid) throws -> Model {
    try model.mapLinears { linear in
      var linear = linear
      if case .dense(let weight) = linear.weight {
        linear.weight = .packed(
          try backend.round(weight, to: grid, rule: .minmax, limits: nil))
      }
      return linear
    }
  }

  @Test func quantizedWeightsAreNotMergedUnasked() throws {
    let model = try quantized(TinyModel.adapted(backend: backend), Self.grids[0])
    #expect {
      try Merge()(model)
    } throws: { error in
      guard let failure = error as? QuantizedMerge else { return false }
      return failure.layer == "model.layers.0.self_attn.qkv_proj"
        && failure.help?.contains("requantize=yes") == true
    }
  }

  /// On request each weight becomes the value of its own grid that is nearest to the exact sum, and the report counts
  /// what that leaves of the change.
  @Test(arguments: grids)
  func requantizedWeightsAreTheNearestOnTheirGrid(grid: Grid) throws {
    let model = try quantized(TinyModel.adapted(backend: backend), grid)
    let (merged, report) = try Merge(requantizes: true)(model)
    #expect(merged.lineage.last == "merged, requantized" && report.isRequantized)
    for ((before, after), layer) in zip(zip(model.allLinears, merged.allLinears), report.layers) {
      guard case .packed(let old) = before.weight, case .packed(let new) = after.weight else {
        Issue.record("the weight is not packed")
        return
      }
      #expect(new.grid == grid && new.scales.id == old.scales.id)
      let (was, got) = (
        try backend.read(backend.dequantize(old)), try backend.read(backend.dequantize(new))
      )
      let scales = try backend.read(old.scales)
      let zeros = try old.zeros.map { try backend.read($0) }
      let (columns, width) = (old.columns, grid.width(columns: old.columns))
      let change = try delta(#require(before.adapter)).flatMap { $0 }
      var (changed, steps, product, intended, realized) = (0, 0.0, 0.0, 0.0, 0.0)
      for place in was.indices {
        let group = place / columns * old.scales.columns + place % columns / width
        let (scale, zero) = (Double(scales[group]), Double(zeros?[group] ?? Float(grid.midpoint)))
        let low = -zero * scale
        let high = (Double(grid.maximum) - zero) * scale
        let exact = min(max(Double(was[place]) + change[place], low), high)
        #expect(abs(Double(got[place]) - exact) <= scale * (0.5 + 1e-4))
        // A value on the grid.
        let code = Double(got[place]) / scale + zero
        #expect(abs(code - code.rounded()) < 1e-3)
        let real = Double(got[place]) - Double(was[place])
        if abs(real) > scale / 2 { changed += 1 }
        steps += (change[place] / scale) * (change[place] / scale)
        product += change[place] * real
        intended += change[place] * change[place]
        realized += real * real
      }
      let count = Double(was.count)
      #expect(abs(layer.changed - Double(changed) / count) < 1e-9)
      #expect(abs(try #require(layer.steps) / (steps / count).squareRoot() - 1) < 1e-3)
      #expect(abs(layer.cosine - product / (intended * realized).squareRoot()) < 1e-3)
    }
  }

  /// A change far below half a step is lost altogether; the report says so.
  @Test func whatIsTooSmallForTheGridIsLost() throws {
    let model = try quantized(TinyModel.adapted(backend: backend), Self.grids[0])
    let small = model.mapLinears { linear in
      var linear = linear
      linear.adapter?.scale *= 1e-4
      return linear
    }
    let (merged, report) = try Merge(requantizes: true)(small)
    #expect(report.layers.allSatisfy { $0.changed == 0 && $0.cosine == 0 })
    #expect(try logits(merged) == logits(model.droppingAdapter()))
  }

  /// The total weighs every layer by its weights: sums of squares add up.
  @Test func totalsAreThoseOfAllWeightsTogether() throws {
    let model = try quantized(TinyModel.adapted(backend: backend), Self.grids[0])
    let (_, report) = try Merge(requantizes: true)(model)
    let counts = model.allLinears.map { Double($0.inputs * $0.outputs) }
    let all = counts.reduce(0, +)
    let changed = zip(report.layers, counts).reduce(0) { $0 + $1.0.changed * $1.1 } / all
    #expect(abs(report.total.changed - changed) < 1e-12)
    let squares = try zip(report.layers, counts).reduce(0.0) { sum, layer in
      let steps = try #require(layer.0.steps)
      return sum + steps * steps * layer.1
    }
    #expect(abs(try #require(report.total.steps) - (squares / all).squareRoot()) < 1e-9)
    let cosines = report.layers.map(\.cosine)
    #expect(
      report.total.cosine >= (cosines.min() ?? 0) && report.total.cosine <= (cosines.max() ?? 0))
  }

  @Test func aNearNoOpIsCalledOne() throws {
    let model = try quantized(TinyModel.adapted(backend: backend), Self.grids[0])
    let small = model.mapLinears { linear in
      var linear = linear
      linear.adapter?.scale *= 1e-2
      return linear
    }
    #expect(try Merge(requantizes: true)(small).report.isNearNoOp)
    #expect(try !Merge(requantizes: true)(model).report.isNearNoOp)
    #expect(try !Merge()(TinyModel.adapted(backend: backend)).report.isNearNoOp)
  }
}

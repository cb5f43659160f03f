import Checkpoints
import JSON
import Models
import Quantization
import Tensor
import TestSupport
import Testing

@testable import FineTuning

/// Adapters that train the lengths of rows apart from their directions.
struct DoRATests {
  let backend: any Backend
  init() throws { backend = try TestBackend.cpu }

  /// A model whose adapters turn and stretch its rows.
  func model(
    _ family: TinyModel.Family = .phi3, grid: Grid? = nil, dropout: Float = 0
  ) throws -> Model {
    let base = try TinyModel.make(family, backend: backend).mapLinears { linear in
      var linear = linear
      if let grid, case .dense(let weight) = linear.weight {
        linear.weight = .packed(try backend.round(weight, to: grid, rule: .minmax, limits: nil))
      }
      return linear
    }
    return try LoRA(method: .dora, rank: 3, alpha: 6, dropout: dropout, seed: 5).attach(to: base)
      .mapLinears { linear in
        var linear = linear
        guard let adapter = linear.adapter, let magnitude = adapter.magnitude else { return linear }
        linear.adapter?.b = TinyModel.noise(
          adapter.b.shape, deviation: 0.2, "B \(linear.name)", seed: 9)
        let noise = try backend.read(
          TinyModel.noise(magnitude.values.shape, deviation: 0.3, "m \(linear.name)", seed: 9))
        let values = zip(try backend.read(magnitude.values), noise).map { $0 * (1 + $1) }
        linear.adapter?.magnitude = Magnitude(Tensor(values, shape: magnitude.values.shape))
        return linear
      }
  }

  func logits(_ model: Model) throws -> [Float] {
    try backend.read(
      model.logits(model.hidden(MergeTests.ids, segments: Segments(lengths: [5, 3]))))
  }

  func distance(_ one: [Float], _ other: [Float]) -> Float {
    zip(one, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// m starts as the length of each row of W, so that a new adapter changes nothing.
  @Test(arguments: [nil, Grid(bits: 4, group: 16, symmetric: false)])
  func aNewAdapterChangesNothing(grid: Grid?) throws {
    let base = try model(grid: grid).droppingAdapter()
    let fresh = try LoRA(method: .dora, rank: 3).attach(to: base)
    #expect(try distance(logits(fresh), logits(base)) < 1e-5)
    for linear in fresh.allLinears {
      let magnitude = try #require(linear.adapter?.magnitude)
      let weight =
        switch linear.weight {
        case .dense(let tensor): try backend.read(tensor)
        case .packed(let matrix): try backend.read(backend.dequantize(matrix))
        }
      for (row, m) in try backend.read(magnitude.values).enumerated() {
        let part = weight[row * linear.inputs..<(row + 1) * linear.inputs]
        let length = part.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(Double(m) - length) < 1e-5 * length)
      }
    }
  }

  /// Whole models, by central differences along each gradient: lengths count as constants, so what is differenced is the
  /// model whose lengths were measured at this point and stay.
  @Test(arguments: TinyModel.Family.allCases, [Float(0), 0.3])
  func gradientsAgreeWithFiniteDifferences(family: TinyModel.Family, dropout: Float) throws {
    let examples = TinyModel.examples()
    let run = try TrainingRun(
      model(family, dropout: dropout), data: TrainingData(examples: examples, packing: ""),
      settings: .init())
    try GradientCheck(run: run, examples: examples, backend: backend).differences(
      of: run.model.settled(), dropout: DropoutContext(seed: run.settings.seed, step: 0),
      tolerance: 1e-6, parameters: 3 * run.model.allLinears.count)
  }

  @Test func checkpointingGivesTheSameBits() throws {
    try GradientCheck.checkpointing(model(dropout: 0.2), backend)
  }

  @Test(arguments: [nil, Grid(bits: 4, group: 16, symmetric: false)])
  func trainingMovesTheLengthsAndLowersTheLoss(grid: Grid?) throws {
    let base = try model(grid: grid).droppingAdapter()
    let start = try LoRA(method: .dora, rank: 3, seed: 5).attach(to: base)
    var settings = FineTuningSettings()
    settings.steps = 12
    settings.batch = 4
    settings.rate = 0.02
    let (trained, report) = try Trainer(settings).train(start, on: TinyModel.data(4))
    #expect(trained.lineage.last == "dora r3 12 steps")
    #expect(LoRA.Method.isTraining("dora r3 12 steps"))
    #expect(try #require(report.loss.last) < report.loss[0] - 0.1)
    for (before, after) in zip(start.allLinears, trained.allLinears) {
      let (old, new) = (
        try #require(before.adapter?.magnitude), try #require(after.adapter?.magnitude)
      )
      #expect(try backend.read(old.values) != backend.read(new.values))
      // The trained model knows its rows' lengths, so that using it costs no more than plain LoRA.
      #expect(new.norms != nil)
    }
    #expect(report.parameters == trained.adapterParameterCount)
  }

  /// Merged float weights compute the same; merged codes come closer the finer their grid is.
  @Test(arguments: TinyModel.Family.allCases)
  func aMergedModelSaysTheSame(family: TinyModel.Family) throws {
    let float = try model(family)
    let (merged, report) = try Merge()(float)
    #expect(!merged.hasAdapter)
    #expect(try distance(logits(float), logits(merged)) < 1e-4)
    #expect(try distance(logits(float), logits(float.droppingAdapter())) > 0.1)
    #expect(report.total.cosine > 0.999999)
    // The lengths are part of it.
    let plain = float.mapLinears { linear in
      var linear = linear
      linear.adapter?.magnitude = nil
      return linear
    }
    #expect(try distance(logits(merged), logits(Merge()(plain).model)) > 0.1)

    let fine = try model(family, grid: Grid(bits: 8, group: 16, symmetric: false))
    let (codes, survival) = try Merge(requantizes: true)(fine)
    #expect(survival.isRequantized && survival.total.cosine > 0.9)
    let (kept, lost) = (
      try distance(logits(fine), logits(codes)),
      try distance(logits(fine), logits(fine.droppingAdapter()))
    )
    #expect(kept < lost)
  }

  /// An adapter stays beside a base that is quantized under it. AWQ scales rows and columns on the way; what the adapter
  /// stretches by goes along, so that at 8 bits little changes.
  @Test(arguments: ["rtn", "awq"], TinyModel.Family.allCases)
  func quantizingTheBaseUnderneath(method: String, family: TinyModel.Family) throws {
    let float = try model(family)
    var settings = try Quantizers.named(method).defaults
    settings.bits = 8
    settings.group = 16
    let calibration =
      method == "rtn"
      ? nil
      : CalibrationData(
        blocks: (0..<4).map { index in
          (0..<24).map { Int32(($0 * 7 + index * 13) % TinyModel.vocabulary) }
        }, source: "made up")
    let (quantized, _) = try float.quantized(settings, calibration: calibration)
    #expect(quantized.isQuantized && quantized.hasAdapter)
    let (before, after) = (try logits(float), try logits(quantized))
    #expect(distance(before, after) < 0.15)
    #expect(quantized.allLinears.allSatisfy { $0.adapter?.magnitude?.norms != nil })
  }

  /// Where it starts as something already, m is the length of what it starts as.
  @Test func initializationKeepsTheSum() throws {
    let base = try TinyModel.make(backend: backend)
    let (model, _) = try LoRA(method: .dora, rank: 3, seed: 5)
      .attach(to: base, initialization: .pissa)
    #expect(try distance(logits(model), logits(base)) < 1e-4)
    #expect(model.allLinears.allSatisfy { $0.adapter?.magnitude != nil })
  }

  /// A layer that PEFT saved computes, in training and after, what PEFT says it does; so do its gradients and its merge.
  /// (`Tests/Fixtures/dora/make.py` made the numbers.)
  @Test func computesWhatPEFTDoes() throws {
    let folder = "\(Shared.fixtures)/dora"
    let expected = try JSON.parse(
      String(decoding: FileBytes.read("\(folder)/expected.json"), as: UTF8.self))
    func tensor(_ json: JSON?, _ shape: [Int]) throws -> Tensor {
      let values = (json?.arrayValue ?? []).compactMap(\.doubleValue)
      try #require(values.count == shape.reduce(1, *))
      return Tensor(values.map { Float($0) }, shape: shape)
    }
    func close(_ tensor: Tensor, _ json: JSON?) throws -> Bool {
      let wanted = (json?.arrayValue ?? []).compactMap(\.doubleValue)
      let found = try backend.read(tensor)
      return found.count == wanted.count
        && zip(found, wanted).allSatisfy { abs(Double($0) - $1) < 1e-5 }
    }
    let peft = try PEFT.read(folder)
    let layer = try #require(peft.layers.first)
    #expect(peft.layers.count == 1 && layer.module == "q" && peft.dropout == 0.25)
    let magnitude = try #require(layer.magnitude)
    var linear = Linear(
      name: "q", weight: .dense(try tensor(expected["w"], [7, 12])),
      bias: try tensor(expected["bias"], [7]),
      adapter: Adapter(
        a: layer.a, b: layer.b, rank: 3, alpha: 6, scale: Float(layer.scale), dropout: 0.25,
        magnitude: Magnitude(magnitude)))
    let (x, dy) = (try tensor(expected["x"], [5, 12]), try tensor(expected["dy"], [5, 7]))
    let cases = try #require(expected["cases"]?.arrayValue)
    #expect(cases.count == 2)
    for item in cases {
      var term = try #require(linear.adapter).term
      if item["dropout"]?.boolValue == true {
        term.dropout = 0.25
        term.mask = RandomStream(seed: 6, purpose: "dropout")
      }
      let tape = Tape(backend)
      for tensor in [x, layer.a, layer.b, magnitude] { tape.track(tensor) }
      let y = try Execution(backend, tape: tape).linear(
        x, linear.weight, bias: linear.bias, adapter: term, magnitude: Magnitude(magnitude))
      #expect(try close(y, item["y"]))
      try tape.accumulate(dy, for: y)
      try tape.backward()
      for (tensor, name) in [(x, "dx"), (layer.a, "da"), (layer.b, "db"), (magnitude, "dm")] {
        let gradient = try #require(tape.takeGradient(of: tensor))
        #expect(try close(gradient, item[name]), "\(name)")
      }
    }
    let settled = try linear.settled(on: backend)
    #expect(try close(settled(x, Execution(backend)), cases[0]["y"]))
    let delta = try #require(try linear.delta(on: backend))
    guard case .dense(let weight) = linear.weight else { return }
    #expect(try close(backend.add(weight, delta), expected["merged"]))
    linear.adapter?.b = Tensor([Float](repeating: 0, count: 21), shape: [7, 3])
    let fresh = try #require(linear.withMagnitude(on: backend).adapter?.magnitude)
    #expect(try close(fresh.values, expected["start"]))
  }
}

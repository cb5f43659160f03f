import Models
import Quantization
import Runtime
import Tensor
import TestSupport
import Testing

/// What is refused before any work starts, and what the refusal says.
@Suite struct SettingsTests {
  private func failure(_ change: (inout QuantizationSettings) -> Void) -> QuantizationFailure? {
    var settings = QuantizationSettings(method: "gptq")
    change(&settings)
    do {
      try settings.check()
      return nil
    } catch { return error as? QuantizationFailure }
  }

  @Test func ranges() {
    #expect(failure { _ in } == nil)
    for bits in [2, 3, 4, 8] { #expect(failure { $0.bits = bits } == nil) }
    for bits in [-1, 0, 1, 5, 6, 7, 16] {
      #expect(failure { $0.bits = bits } == .unsupportedBits(bits))
    }
    #expect(failure { $0.group = nil } == nil)
    for group in [0, 8, 15, 129, -1] {
      #expect(failure { $0.group = group } == .groupOutOfRange(group))
    }
    #expect(failure { $0.samples = 0 } == .notPositive("samples"))
    #expect(failure { $0.length = 1 } == .notPositive("length"))
    #expect(failure { $0.damping = -0.1 } == .badDamping(-0.1))
    #expect(failure { $0.damping = .infinity } == .badDamping(.infinity))
    #expect(
      failure { $0.method = "gtpq" } == .unknownMethod("gtpq", known: ["rtn", "gptq", "awq"]))
    #expect(
      failure {
        $0.method = "rtn"
        $0.order = .act
      } == .notForMethod(option: "order", method: "rtn"))
    #expect(
      failure { $0.objective = .output } == .notForMethod(option: "objective", method: "gptq"))
  }

  @Test func titles() {
    var settings = QuantizationSettings(method: "gptq")
    #expect(settings.title == "gptq w4 g128")
    settings.bits = 3
    settings.group = nil
    settings.symmetric = true
    settings.order = .act
    settings.scale = .mse
    #expect(settings.title == "gptq w3 rows symmetric act mse")
  }

  @Test func methods() throws {
    for quantizer in Quantizers.all {
      #expect(try Quantizers.named(quantizer.name).name == quantizer.name)
      #expect(quantizer.defaults.method == quantizer.name)
      #expect(throws: Never.self) { try quantizer.defaults.check() }
      #expect(!quantizer.defaults.symmetric && quantizer.defaults.group == 128)
    }
    #expect(throws: QuantizationFailure.unknownMethod("x", known: Quantizers.names)) {
      try Quantizers.named("x")
    }
  }
}

@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct RefusalTests {
  let model: Model
  init() throws { model = try Reference.model() }

  @Test func groupsThatDoNotDivide() {
    var settings = QuantizationSettings(method: "rtn")
    settings.group = 48
    #expect(
      throws: QuantizationFailure.groupDoesNotDivide(
        group: 48, layer: "model.layers.0.self_attn.qkv_proj", width: 256,
        dividing: [16, 32, 64, 128])
    ) { try model.quantized(settings) }
  }

  @Test func quantizedModels() throws {
    var settings = QuantizationSettings(method: "rtn")
    settings.skip = ["mlp"]
    let (once, report) = try model.quantized(settings)
    #expect(report.skipped.count == 8 && report.layers.count == 8)
    #expect(
      throws: QuantizationFailure.alreadyQuantized(layer: "model.layers.0.self_attn.qkv_proj")
    ) { try once.quantized(QuantizationSettings(method: "rtn")) }
    // What was skipped is float still and may follow.
    settings.skip = ["self_attn"]
    let (twice, _) = try once.quantized(settings)
    #expect(twice.allLinears.allSatisfy { if case .packed = $0.weight { true } else { false } })
  }

  @Test func skipPatterns() throws {
    func report(_ skip: [String]) throws -> QuantizationReport {
      var settings = QuantizationSettings(method: "rtn")
      settings.skip = skip
      return try model.quantized(settings).1
    }
    #expect(try report(["layers.0", "layers.*.mlp.down_proj"]).skipped.count == 7)
    #expect(try report(["*_proj.nothing", "o_proj"].suffix(1)).skipped.count == 4)
    #expect(try report(["*kv*"]).skipped.allSatisfy { $0.hasSuffix("qkv_proj") })
    #expect(throws: QuantizationFailure.self) { try report(["layers.4"]) }
    #expect(throws: QuantizationFailure.self) { try report(["proj"]) }
    #expect(throws: QuantizationFailure.nothingToQuantize(skip: ["layers"])) {
      try report(["layers"])
    }
  }

  @Test func data() throws {
    #expect(throws: QuantizationFailure.needsData(method: "gptq")) {
      try model.quantized(QuantizationSettings(method: "gptq"))
    }
    #expect(throws: QuantizationFailure.needsData(method: "awq")) {
      try model.quantized(QuantizationSettings(method: "awq"))
    }
    let long = CalibrationData(blocks: [[Int32](repeating: 5, count: 4097)], source: "test")
    #expect(throws: QuantizationFailure.blockTooLong(length: 4097, maxPositions: 4096)) {
      try model.quantized(QuantizationSettings(method: "gptq"), calibration: long)
    }
    let foreign = CalibrationData(blocks: [[1, 2, 2048]], source: "test")
    #expect(throws: TokenOutOfRange.self) {
      try model.quantized(QuantizationSettings(method: "gptq"), calibration: foreign)
    }
  }

  /// The layer is named, and the model that was given still is what it was.
  @Test(arguments: ["rtn", "gptq", "awq"]) func brokenWeights(method: String) throws {
    var broken = model
    let name = "model.layers.1.mlp.down_proj"
    var linear = try #require(broken.linear(named: name))
    var values = try backend.read(try #require(model.dense(name)))
    values[12_345] = .nan
    linear.weight = .dense(try tensor(values, like: try #require(model.dense(name))))
    broken.replace(linear)
    let settings = try Quantizers.named(method).defaults
    #expect(throws: QuantizationFailure.notFinite(layer: name, what: "weight")) {
      try broken.quantized(settings, calibration: Reference.calibration(model, samples: 2))
    }
    #expect(!broken.isQuantized)
  }

  @Test func brokenActivations() throws {
    var broken = model
    let name = "model.layers.1.self_attn.qkv_proj"
    broken.blocks[1].inputNorm = try tensor(
      [Float](repeating: .infinity, count: 256), like: broken.blocks[1].inputNorm)
    #expect(throws: QuantizationFailure.notFinite(layer: name, what: "Hessian")) {
      try broken.quantized(
        QuantizationSettings(method: "gptq"),
        calibration: Reference.calibration(model, samples: 2))
    }
  }

  private func tensor(_ values: [Float], like: Tensor) throws -> Tensor {
    let tensor = try backend.make(like.shape, .f32)
    tensor.host?.withMemoryRebound(to: Float.self, capacity: values.count) {
      $0.update(from: values, count: values.count)
    }
    return tensor
  }
}

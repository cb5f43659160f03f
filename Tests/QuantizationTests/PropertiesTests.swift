import Models
import Quantization
import Tensor
import TestSupport
import Testing

/// What must hold of any quantizer, whatever the numbers.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct PropertiesTests {
  let model: Model
  let calibration: CalibrationData
  init() throws {
    model = try Reference.model()
    calibration = try Reference.calibration(model, samples: 4)
  }

  private func report(
    _ method: String, _ change: (inout QuantizationSettings) -> Void = { _ in }
  ) throws -> QuantizationReport {
    var settings = try Quantizers.named(method).defaults
    settings.group = 64
    change(&settings)
    return try model.quantized(settings, calibration: calibration).1
  }

  @Test(arguments: ["rtn", "gptq", "awq"]) func errorFallsWithBits(method: String) throws {
    let sums = try [2, 3, 4, 8].map { bits in
      Reference.proxySum(try report(method) { $0.bits = bits })
    }
    for (coarse, fine) in zip(sums, sums.dropFirst()) { #expect(fine < 0.6 * coarse) }
  }

  @Test(arguments: ["rtn", "gptq", "awq"]) func errorFallsWithSmallerGroups(method: String) throws {
    let sums = try [nil, 128, 64, 32, 16].map { group in
      Reference.proxySum(try report(method) { $0.group = group })
    }
    for (coarse, fine) in zip(sums, sums.dropFirst()) { #expect(fine < coarse) }
  }

  @Test func calibratedMethodsBeatRounding() throws {
    for symmetric in [true, false] {
      let rtn = try report("rtn") { $0.symmetric = symmetric }
      let gptq = try report("gptq") { $0.symmetric = symmetric }
      for (plain, better) in zip(rtn.layers, gptq.layers) {
        #expect(better.name == plain.name)
        #expect(try #require(better.proxy) < (try #require(plain.proxy)))
      }
    }
  }

  @Test(arguments: QuantizationSettings.Order.allCases)
  func orders(order: QuantizationSettings.Order) throws {
    let rtn = try report("rtn")
    for group in [64, nil] {
      let found = try report("gptq") {
        $0.order = order
        $0.group = group
      }
      let plain = group == nil ? try report("rtn") { $0.group = nil } : rtn
      #expect(Reference.proxySum(found) < 0.5 * Reference.proxySum(plain))
    }
  }

  /// A model rounded out of order computes what its dequantized weights compute.
  @Test func groupIndexIsHeeded() throws {
    var settings = try Quantizers.named("gptq").defaults
    (settings.order, settings.group) = (.act, 32)
    let (quantized, report) = try model.quantized(settings, calibration: calibration)
    let plain = try quantized.mapLinears { linear in
      guard case .packed(let matrix) = linear.weight else { return linear }
      #expect(matrix.groupIndex != nil)
      var linear = linear
      linear.weight = .dense(try backend.dequantize(matrix))
      return linear
    }
    let ids = calibration.blocks[0]
    func scores(_ model: Model) throws -> [Float] {
      try backend.read(
        try model.logits(try model.hidden(ids, segments: Segments(lengths: [ids.count]))))
    }
    #expect(distance(try scores(quantized), try scores(plain)) < 1e-3)
    #expect(Reference.proxySum(report) < 0.2 * Reference.proxySum(try self.report("rtn")))
  }

  @Test(arguments: ["rtn", "gptq", "awq"]) func sameBytesTwice(method: String) throws {
    let settings = try Quantizers.named(method).defaults
    let (first, _) = try model.quantized(settings, calibration: calibration)
    let (second, _) = try model.quantized(settings, calibration: calibration)
    #expect(first.allCodes == second.allCodes && !first.allCodes.isEmpty)
  }

  @Test func searchedScalesRoundBetter() throws {
    for method in ["rtn", "gptq"] {
      let plain = try report(method) { $0.bits = 3 }
      let searched = try report(method) {
        $0.bits = 3
        $0.scale = .mse
      }
      if method == "rtn" {
        for (a, b) in zip(plain.layers, searched.layers) { #expect(b.error < a.error) }
      }
      #expect(Reference.proxySum(searched) < Reference.proxySum(plain))
    }
  }

  /// What the report says the model weighs is what its tensors weigh.
  @Test func sizes() throws {
    var settings = try Quantizers.named("rtn").defaults
    let (quantized, report) = try model.quantized(settings)
    let weights = model.allLinears.reduce(0) { $0 + $1.inputs * $1.outputs }
    // 4 bits a code, and for each group of 128 a scale of 4 bytes and a zero point of one.
    #expect(abs(report.bitsPerWeight - (4 + 40.0 / 128)) < 1e-9)
    #expect(report.layers.allSatisfy { abs($0.bitsPerWeight - (4 + 40.0 / 128)) < 1e-9 })
    #expect(report.bytesBefore == model.byteCount && report.bytesAfter == quantized.byteCount)
    #expect(
      report.bytesBefore - report.bytesAfter == weights * 4 - weights / 2 - weights / 128 * 5)
    #expect(report.layers.allSatisfy { $0.proxy == nil } && report.tokens == 0)
    (settings.bits, settings.symmetric, settings.group) = (3, true, nil)
    let rows = try model.quantized(settings).1
    #expect(rows.bitsPerWeight > 3 && rows.bitsPerWeight < 3.2)
  }

  /// Half-precision weights get half-precision scales.
  @Test func halfScales() throws {
    let half = try model.mapLinears { linear in
      var linear = linear
      if case .dense(let weight) = linear.weight {
        linear.weight = .dense(try backend.convert(weight, to: .bf16))
      }
      return linear
    }
    let (quantized, report) = try half.quantized(try Quantizers.named("rtn").defaults)
    #expect(
      try #require(quantized.packed("model.layers.0.self_attn.o_proj")).scales.dtype == .f16)
    #expect(abs(report.bitsPerWeight - (4 + 24.0 / 128)) < 1e-9)
    let full = try model.quantized(try Quantizers.named("rtn").defaults).1
    for (a, b) in zip(report.layers, full.layers) {
      #expect(abs(a.error - b.error) < 0.02 * b.error)
    }
  }

  /// Adapters stay beside the weights, and calibration runs through them.
  @Test func adaptersStay() throws {
    let adapted = try model.mapLinears { linear in
      var linear = linear
      let (a, b) = (
        try noise([4, linear.inputs], "a \(linear.name)"),
        try noise([linear.outputs, 4], "b \(linear.name)")
      )
      linear.adapter = Adapter(a: a, b: b, rank: 4, alpha: 8)
      return linear
    }
    let settings = try Quantizers.named("gptq").defaults
    let (quantized, report) = try adapted.quantized(settings, calibration: calibration)
    let (_, plain) = try model.quantized(settings, calibration: calibration)
    for (linear, before) in zip(quantized.allLinears, adapted.allLinears) {
      #expect(linear.adapter?.a.id == before.adapter?.a.id)
      #expect(linear.adapter?.b.id == before.adapter?.b.id)
    }
    #expect(report.layers.last?.proxy != plain.layers.last?.proxy)
    #expect(report.layers.first?.proxy == plain.layers.first?.proxy)
  }

  private func noise(_ shape: [Int], _ purpose: String) throws -> Tensor {
    let stream = RandomStream(seed: 3, purpose: purpose)
    let tensor = try backend.make(shape, .f32)
    tensor.host?.withMemoryRebound(to: Float.self, capacity: tensor.count) {
      for index in 0..<tensor.count { $0[index] = (stream.uniform(index) - 0.5) * 0.1 }
    }
    return tensor
  }

  @Test func floatActivations() throws {
    let chained = try report("gptq")
    let apart = try report("gptq") { $0.sequential = false }
    // The first stage sees the same; what follows does not.
    #expect(chained.layers[0].proxy == apart.layers[0].proxy)
    #expect(chained.layers[1].proxy != apart.layers[1].proxy)
    let other = try report("rtn") { $0.sequential = false }
    for (a, b) in zip(apart.layers, other.layers) {
      #expect(try #require(a.proxy) < (try #require(b.proxy)))
    }
  }
}

import JSON
import Models
import Tensor
import TestSupport
import Testing

@testable import Quantization

/// AWQ against AutoAWQ's own run on the trained tiny Phi-3, and against what it must never do.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct AWQReferenceTests {
  static let stages: [(stage: Stage, key: String)] = [
    (.attentionInput, "input_layernorm->self_attn.qkv_proj"),
    (.attentionOutput, "self_attn.qkv_proj->self_attn.o_proj"),
    (.mlpInput, "post_attention_layernorm->mlp.gate_up_proj"),
    (.mlpOutput, "mlp.gate_up_proj->mlp.down_proj"),
  ]

  /// The texts of rows 0:128 end to end in blocks of 512, as AutoAWQ cuts them.
  private func calibration(_ model: Model) throws -> CalibrationData {
    let dataset = try Reference.dataset().slice(0, 128)
    var stream: [Int32] = []
    for index in 0..<dataset.count {
      let ids = model.tokenizer.encode(trimmed(try dataset.text(at: index)))
      if ids.count <= 512 { stream += ids }
    }
    let blocks = (0..<stream.count / 512).map { Array(stream[$0 * 512..<($0 + 1) * 512]) }
    return CalibrationData(blocks: blocks, source: "rows 0:128")
  }

  private func trimmed(_ text: String) -> String {
    var scalars = Substring(text)
    while let first = scalars.first, first.isWhitespace { scalars.removeFirst() }
    while let last = scalars.last, last.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }

  /// Every scale vector that AutoAWQ chose is one of the twenty that olv tries there. (Which of them it chose says
  /// little: on a CPU its search compares weights that it has already rounded.)
  @Test func scalesAreAmongTheCandidates() throws {
    let reference = try #require(Reference.json("phi3_awq_g32")["scales"])
    let model = try Reference.model()
    var settings = AWQ().defaults
    settings.group = 32
    let run = try QuantizationRun(model, settings, nil)
    var pass = try CalibrationPass(model, try calibration(model))
    // AutoAWQ gives every query head its own scale, although two of them share each value head.
    var config = model.config
    config.kvHeads = config.heads
    let apart = HeadSharing(config)
    for (index, block) in model.blocks.enumerated() {
      try pass.begin(block)
      for (stage, key) in Self.stages {
        let search = AWQSearch(
          run: run, block: block, stage: stage, statistics: try pass.statistics(magnitudes: true),
          sharing: apart)
        let layer = try #require(reference["\(index):\(key)"])
        let first = try #require(layer["first8"]?.arrayValue).compactMap(\.doubleValue)
        let sum = try #require(layer["sum"]?.doubleValue)
        let distances = try search.candidates().map { scales in
          zip(scales, first).map { abs(Double($0) - $1) }.reduce(
            abs(scales.reduce(0.0) { $0 + Double($1) } - sum) / Double(scales.count), max)
        }
        #expect(try #require(distances.min()) < 2e-5, "\(index):\(key)")
        try pass.advance(stage, through: block)
      }
      pass.end()
    }
  }

  @Test(arguments: [(4, 32), (3, 128)]) func beatsRoundingToNearest(bits: Int, group: Int) throws {
    let model = try Reference.model()
    let calibration = try Reference.calibration(model, samples: 8)
    func report(_ method: String, _ objective: QuantizationSettings.Objective = .hessian) throws
      -> QuantizationReport
    {
      var settings = try Quantizers.named(method).defaults
      (settings.bits, settings.group) = (bits, group)
      (settings.sequential, settings.objective) = (false, objective)
      return try model.quantized(settings, calibration: calibration).1
    }
    let (awq, rtn) = (try report("awq"), try report("rtn"))
    for (a, b) in zip(awq.layers, rtn.layers) {
      #expect(a.name == b.name)
      #expect(try #require(a.proxy) < (try #require(b.proxy)), "\(a.name)")
    }
    #expect(Reference.proxySum(awq) < 0.85 * Reference.proxySum(rtn))
  }

  /// The search on its own, without clipping: never worse than scales of 1, which are among what it compares.
  @Test(arguments: QuantizationSettings.Objective.allCases)
  func searchNeverLoses(objective: QuantizationSettings.Objective) throws {
    let model = try Reference.model()
    var settings = AWQ().defaults
    (settings.bits, settings.group, settings.objective) = (3, 64, objective)
    let run = try QuantizationRun(model, settings, nil)
    var pass = try CalibrationPass(model, try Reference.calibration(model, samples: 2))
    let block = model.blocks[0]
    try pass.begin(block)
    for stage in [Stage.attentionInput, .attentionOutput] {
      try pass.advance(stage, through: block)
    }
    let place = try #require(block.linears(of: .mlpInput).first)
    let wanted = try pass.outputs(of: .mlpInput, through: block).map(backend.read)
    let statistics = try pass.statistics(magnitudes: true)
    let search = AWQSearch(
      run: run, block: block, stage: .mlpInput, statistics: statistics,
      sharing: HeadSharing(model.config))
    let found = try #require(try search.best(pass))
    #expect(found.count == 256 && found.allSatisfy { $0.isFinite && $0 > 0 })
    let product = try #require(found.max()) * (try #require(found.min()))
    #expect(abs(product - 1) < 1e-4)

    func rounded(_ scales: [Float]) throws -> Block {
      let weight = try run.weight(block.linears[place])
      let scaled = try backend.scaled(weight, rows: nil, columns: try backend.vector(scales))
      let packed = try backend.round(
        scaled, to: run.grid(for: weight), rule: .minmax, limits: nil)
      var result = block
      result.linears[place].weight = .dense(
        try backend.scaled(
          try backend.dequantize(packed), rows: nil,
          columns: try backend.vector(scales.map { 1 / $0 })))
      return result
    }
    let ones = [Float](repeating: 1, count: 256)
    switch objective {
    case .output:
      func error(_ scales: [Float]) throws -> Double {
        let outputs = try pass.outputs(of: .mlpInput, through: try rounded(scales))
        return zip(try outputs.map(backend.read), wanted).reduce(0) { sum, pair in
          sum + zip(pair.0, pair.1).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        }
      }
      #expect(try error(found) < (try error(ones)))
    case .hessian:
      func error(_ scales: [Float]) throws -> Double {
        try backend.scaledRoundingCost(
          try run.weight(block.linears[place]), scale: try backend.vector(scales),
          to: Grid(bits: 3, group: 64, symmetric: false), rule: .minmax,
          hessian: statistics.hessian)
      }
      #expect(try error(found) < (try error(ones)))
    }
  }

  /// Queries and keys are left unclipped; values are not.
  @Test func clipping() throws {
    let model = try Reference.model()
    let folding = try AWQFolding(model.blocks[0], AWQScales(), model.config, backend)
    #expect(folding.clippedRows(0) == 384..<512)
    #expect(
      (1..<4).allSatisfy { folding.clippedRows($0) == 0..<model.blocks[0].linears[$0].outputs })
  }

  /// Layers left alone are still scaled with the rest, so that the model fits together.
  @Test func skippedLayersAreFolded() throws {
    let model = try Reference.model()
    let calibration = try Reference.calibration(model, samples: 4)
    var settings = AWQ().defaults
    (settings.bits, settings.group, settings.skip) = (8, 32, ["o_proj", "gate_up_proj"])
    let (quantized, report) = try model.quantized(settings, calibration: calibration)
    #expect(report.skipped.count == 8)
    let ids = calibration.blocks[0]
    func scores(_ model: Model) throws -> [Float] {
      try backend.read(
        try model.logits(try model.hidden(ids, segments: Segments(lengths: [ids.count]))))
    }
    let (before, after) = (try scores(model), try scores(quantized))
    let largest = before.reduce(0) { max($0, abs($1)) }
    #expect(distance(before, after) < 0.05 * largest)
  }
}

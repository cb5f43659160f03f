import Cache
import Models
import Runtime
import Tensor

/// GPTQ: column by column, each rounding error made good by the weights not rounded yet, as the inverse Hessian of the
/// layer's input tells.
///
/// *Paper:* Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers" (2022),
/// algorithm 1.
public struct GPTQ: Quantizer {
  public init() {}

  public var name: String { "gptq" }
  public var summary: String {
    "rounds column by column and corrects the rest for each error, on calibration data"
  }
  public var paper: String { "Frantar et al., GPTQ (2022), arXiv:2210.17323" }
  public var options: Set<QuantizationOption> { [.data, .order, .damping, .sequential] }
  public var defaults: QuantizationSettings { QuantizationSettings(method: name) }

  public func quantize(
    _ model: Model, settings: QuantizationSettings, calibration: CalibrationData?,
    progress: ProgressHandler?, workplace: Workplace?, float: FloatStatistics?
  ) throws -> (Model, QuantizationReport) {
    guard let calibration, calibration.samples > 0 else {
      throw QuantizationFailure.needsData(method: name)
    }
    var run = try QuantizationRun(model, settings, progress, workplace)
    var pass = try CalibrationPass(model, calibration, float: float)
    for (index, block) in model.blocks.enumerated() {
      let earlier = try run.restored(block)
      var rounded = earlier ?? block
      try pass.begin(block)
      for stage in Stage.allCases {
        let targets = run.targets(block, stage)
        if earlier == nil, !targets.isEmpty {
          try quantize(targets, of: block, into: &rounded, try pass.statistics(), &run)
        }
        // What leaves the last block, nobody reads.
        if index + 1 < model.blocks.count || stage != .mlpOutput {
          try pass.advance(stage, through: settings.sequential ? rounded : block)
        }
      }
      pass.end()
      try run.finish(rounded, at: index, isRestored: earlier != nil)
    }
    return try run.result(tokens: calibration.tokens)
  }

  /// Quantizes the linears that share an input, and so a Hessian and its factor.
  private func quantize(
    _ targets: [Int], of block: Block, into rounded: inout Block, _ statistics: StageStatistics,
    _ run: inout QuantizationRun
  ) throws {
    let settings = run.settings
    let first = block.linears[targets[0]]
    let hessian = statistics.hessian
    let factor = try run.naming(first.name) {
      try run.backend.inverseFactor(
        hessian,
        order: try columnOrder(
          settings.order, diagonal: run.backend.read(hessian.diagonal), group: settings.group),
        damping: settings.damping, into: statistics.room)
    }
    for place in targets {
      try Interrupt.check()
      let linear = block.linears[place]
      let weight = try run.weight(linear)
      let matrix = try run.naming(linear.name) {
        try run.backend.gptq(
          weight, factor: factor, to: run.grid(for: weight), rule: settings.scale)
      }
      rounded.linears[place] = try run.record(
        linear, matrix, of: weight, hessian: hessian, damping: factor.damping)
    }
  }
}

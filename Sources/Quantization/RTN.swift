import Cache
import Models
import Runtime
import Tensor

/// Round to nearest: every weight to the closest code of its group, on its own.
///
/// With calibration data it rounds the same and reports the proxy error as well.
public struct RTN: Quantizer {
  public init() {}

  public var name: String { "rtn" }
  public var summary: String { "rounds every weight to the nearest code; needs no data" }
  public var paper: String { "none: the baseline" }
  public var options: Set<QuantizationOption> { [] }
  public var defaults: QuantizationSettings { QuantizationSettings(method: name) }

  public func quantize(
    _ model: Model, settings: QuantizationSettings, calibration: CalibrationData?,
    progress: ProgressHandler?, workplace: Workplace?, float: FloatStatistics?
  ) throws -> (Model, QuantizationReport) {
    var run = try QuantizationRun(model, settings, progress)
    var pass = try calibration.map { try CalibrationPass(model, $0) }
    for (index, block) in model.blocks.enumerated() {
      var rounded = block
      try pass?.begin(block)
      for stage in Stage.allCases {
        let targets = run.targets(block, stage)
        let hessian = targets.isEmpty ? nil : try pass?.statistics().hessian
        for place in targets {
          try Interrupt.check()
          let linear = block.linears[place]
          let weight = try run.weight(linear)
          let matrix = try run.naming(linear.name) {
            try run.backend.round(
              weight, to: run.grid(for: weight), rule: settings.scale, limits: nil)
          }
          rounded.linears[place] = try run.record(linear, matrix, of: weight, hessian: hessian)
        }
        if index + 1 < model.blocks.count || stage != .mlpOutput {
          try pass?.advance(stage, through: settings.sequential ? rounded : block)
        }
      }
      pass?.end()
      try run.finish(rounded, at: index)
    }
    return try run.result(tokens: calibration?.tokens ?? 0)
  }
}

import Cache
import Models
import Runtime
import Tensor

/// AWQ: inputs that matter get finer steps. Their weights are scaled up before rounding, and what feeds them (a norm, the
/// values, the up projection) is scaled down for it; then each group's range is clipped where that lowers its error.
///
/// Scales are searched on float activations, a block at a time, as published; `sequential` lets the next block see what
/// this one's codes produce.
///
/// *Paper:* Lin et al., "AWQ: activation-aware weight quantization" (2023), eq. 4 and 5; both magnitudes weigh in as in
/// the authors' later code ("duo scaling").
public struct AWQ: Quantizer {
  public init() {}

  public var name: String { "awq" }
  public var summary: String {
    "scales the inputs that matter up before rounding and searches clipping limits, on calibration data"
  }
  public var paper: String { "Lin et al., AWQ (2023), arXiv:2306.00978" }
  public var options: Set<QuantizationOption> { [.data, .sequential, .objective] }
  public var defaults: QuantizationSettings {
    QuantizationSettings(method: name, sequential: false)
  }

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
      let isLast = index + 1 == model.blocks.count
      var scales = AWQScales()
      var hessians: [Stage: Tensor] = [:]
      let earlier = try run.restored(block)
      try pass.begin(block, keepsInput: settings.sequential)
      for stage in Stage.allCases {
        if earlier == nil, !run.targets(block, stage).isEmpty {
          let statistics = try pass.statistics(magnitudes: true)
          hessians[stage] = statistics.hessian
          let search = AWQSearch(
            run: run, block: block, stage: stage, statistics: statistics,
            sharing: HeadSharing(model.config))
          scales[stage] = try search.best(pass)
        }
        if !isLast && !settings.sequential || stage != .mlpOutput {
          try pass.advance(stage, through: block)
        }
      }
      let rounded = try earlier ?? round(block, scales, hessians, model.config, &run)
      if !settings.sequential {
        pass.end()
      } else if !isLast {
        try pass.pass(through: rounded)
      }
      try run.finish(rounded, at: index, isRestored: earlier != nil)
    }
    return try run.result(tokens: calibration.tokens)
  }

  /// Folds the scales in, clips, and rounds.
  private func round(
    _ block: Block, _ scales: AWQScales, _ hessians: [Stage: Tensor], _ config: ModelConfig,
    _ run: inout QuantizationRun
  ) throws -> Block {
    let backend = run.backend
    let folding = try AWQFolding(block, scales, config, backend)
    var result = folding.norms
    for stage in Stage.allCases {
      let inverse = try scales[stage].map { try backend.vector($0.map { 1 / $0 }) }
      let hessian = try hessians[stage].map {
        try backend.scaled($0, rows: inverse, columns: inverse)
      }
      for place in block.linears(of: stage) {
        try Interrupt.check()
        guard run.isTarget(block.linears[place]), let hessian else {
          result.linears[place] = try folding.linear(place, keepsType: true)
          continue
        }
        let linear = try folding.linear(place, keepsType: false)
        let weight = try run.weight(linear)
        let grid = run.grid(for: try run.weight(block.linears[place]))
        let matrix = try run.naming(linear.name) {
          let limits = try limits(
            weight, grid, hessian, rows: folding.clippedRows(place), run.settings.scale, backend)
          return try backend.round(weight, to: grid, rule: run.settings.scale, limits: limits)
        }
        result.linears[place] = try run.record(linear, matrix, of: weight, hessian: hessian)
      }
    }
    return result
  }

  /// The clipping limits of a weight of which only `rows` are clipped.
  private func limits(
    _ weight: Tensor, _ grid: Grid, _ hessian: Tensor, rows: Range<Int>, _ rule: ScaleRule,
    _ backend: any Backend
  ) throws -> Tensor? {
    if rows.isEmpty { return nil }
    let found = try backend.clippingLimits(
      weight.rows(rows), to: grid, rule: rule, hessian: hessian)
    if rows.count == weight.rows { return found }
    let groups = grid.groups(columns: weight.columns)
    let all = try backend.make([weight.rows, groups], .f32)
    try backend.fill(all, with: .greatestFiniteMagnitude)
    try backend.copy(found, into: all.rows(rows))
    return all
  }
}

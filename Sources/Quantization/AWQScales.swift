import Glibc
import Models
import Runtime
import Tensor

/// What each stage's input is divided by, and its linears' columns multiplied with: one number an input. Stages without
/// scales are left as they are.
struct AWQScales {
  private var values: [Stage: [Float]] = [:]

  init() {}

  subscript(stage: Stage) -> [Float]? {
    get { values[stage] }
    set { values[stage] = newValue }
  }
}

/// Which inputs of the attention's output projection come from the same row of the value projection, and must therefore
/// share a scale: those of the query heads that share a value head.
struct HeadSharing {
  /// Query heads for each value head.
  let share: Int
  let heads: Int
  let width: Int

  init(_ config: ModelConfig) {
    share = config.heads / config.kvHeads
    heads = config.heads
    width = config.headWidth
  }

  /// The value row that input `index` of the output projection comes from.
  func row(of index: Int) -> Int { index / width / share * width + index % width }
  var rows: Int { heads / share * width }

  /// Each number replaced by the mean over all inputs from the same row.
  func mean(_ values: [Float]) -> [Float] {
    if share == 1 { return values }
    var sums = [Float](repeating: 0, count: rows)
    for (index, value) in values.enumerated() { sums[row(of: index)] += value }
    return values.indices.map { sums[row(of: $0)] / Float(share) }
  }
}

/// The search for the scales of one stage.
struct AWQSearch {
  /// Exponents tried: 0, 1/20 … 19/20.
  static let steps = 20

  let run: QuantizationRun
  let block: Block
  let stage: Stage
  let statistics: StageStatistics
  let sharing: HeadSharing

  /// The scales that round with the least error, or nil where none beats rounding without.
  func best(_ pass: CalibrationPass) throws -> [Float]? {
    let candidates = try candidates()
    let cost = try cost(pass)
    var best: [Float]?
    var least = try cost([Float](repeating: 1, count: statistics.hessian.columns))
    for scales in candidates {
      try Interrupt.check()
      let found = try cost(scales)
      if found < least { (least, best) = (found, scales) }
    }
    return best
  }

  /// s = x^r / w^(1−r) for each exponent r, x the mean magnitude of an input and w that of its weights relative to their
  /// groups' largest; the product of the smallest and the largest scale is 1.
  func candidates() throws -> [[Float]] {
    let backend = run.backend
    var rows = 0
    var sums = [Float](repeating: 0, count: statistics.hessian.columns)
    for place in block.linears(of: stage) {
      guard case .dense(let weight) = block.linears[place].weight else { continue }
      let part = try run.naming(block.linears[place].name) {
        try backend.read(try backend.relativeMagnitudes(weight, group: run.settings.group))
      }
      for index in sums.indices { sums[index] += part[index] }
      rows += weight.rows
    }
    var weights = sums.map { $0 / Float(max(rows, 1)) }
    var inputs = try statistics.magnitudes.map(backend.read) ?? sums.map { _ in 1 }
    inputs = inputs.map { $0 / Float(max(statistics.tokens, 1)) }
    if stage == .attentionOutput {
      weights = sharing.mean(weights)
      inputs = sharing.mean(inputs)
    }
    return (0..<Self.steps).map { step in
      let exponent = Float(step) / Float(Self.steps)
      let raw = zip(inputs, weights).map { input, weight in
        max(powf(input, exponent) / (powf(weight, 1 - exponent) + 1e-4), 1e-4)
      }
      let middle = ((raw.max() ?? 1) * (raw.min() ?? 1)).squareRoot()
      return raw.map { scale in
        let value = scale / middle
        return value.isFinite && value > 0 ? value : 1
      }
    }
  }

  /// What rounding with given scales costs.
  private func cost(_ pass: CalibrationPass) throws -> ([Float]) throws -> Double {
    let backend = run.backend
    let targets = run.targets(block, stage)
    let rule = run.settings.scale
    let module: Bool = stage == .attentionInput || stage == .mlpInput
    guard run.settings.objective == .output, module else {
      return { scales in
        let scale = try backend.vector(scales)
        var sum = 0.0
        for place in targets {
          let linear = block.linears[place]
          let weight = try run.weight(linear)
          sum += try run.naming(linear.name) {
            try backend.scaledRoundingCost(
              weight, scale: scale, to: run.grid(for: weight), rule: rule,
              hessian: statistics.hessian)
          }
        }
        return sum
      }
    }
    // The float outputs, negated, so that adding compares.
    let minus = try backend.vector(
      [Float](repeating: -1, count: block.inputNorm.count))
    let wanted = try pass.outputs(of: stage, through: block).map {
      try backend.scaled($0, rows: nil, columns: minus)
    }
    return { scales in
      let scale = try backend.vector(scales)
      let inverse = try backend.vector(scales.map { 1 / $0 })
      var trial = block
      for place in targets {
        let linear = block.linears[place]
        let weight = try run.weight(linear)
        let rounded = try run.naming(linear.name) {
          try backend.round(
            try backend.scaled(weight, rows: nil, columns: scale), to: run.grid(for: weight),
            rule: rule, limits: nil)
        }
        trial.linears[place].weight = .dense(
          try backend.scaled(
            try backend.dequantize(rounded), rows: nil, columns: inverse))
      }
      let outputs = try pass.outputs(of: stage, through: trial)
      var sum = 0.0
      for (output, wanted) in zip(outputs, wanted) {
        let found = try backend.convert(output, to: .f32)
        sum += try backend.sumOfSquares([try backend.add(found, wanted)])
      }
      return sum
    }
  }
}

extension Backend {
  /// The numbers as an f32 tensor `[count]`.
  func vector(_ values: [Float]) throws -> Tensor {
    let storage = HostStorage(byteCount: 4 * values.count)
    values.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress, let target = storage.host {
        target.copyMemory(from: source, byteCount: bytes.count)
      }
    }
    return try place(Tensor(storage, shape: [values.count], dtype: .f32))
  }
}

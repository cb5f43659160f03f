import Models
import Quantization
import Runtime
import Tensor

/// Where a new adapter starts.
public enum AdapterInitialization: String, Sendable, Hashable, CaseIterable {
  /// A Kaiming-uniform, B zero: nothing changes before the first step.
  case `default`
  /// The principal part of a float weight, which is taken out of it.
  ///
  /// *Paper:* Meng et al., "PiSSA: principal singular values and singular vectors adaptation" (2024).
  case pissa
  /// The best low-rank repair of the rounding error of a quantized weight.
  ///
  /// *Paper:* Li et al., "LoftQ: LoRA-fine-tuning-aware quantization" (2023), algorithm 1 with one step: the codes stay.
  case loftq
  /// The best low-rank repair of what the rounding error does to the layer's output on calibration text.
  ///
  /// *Paper:* Deng et al., "CLoQ: enhancing fine-tuning of quantized LLMs via calibrated LoRA initialization" (2025).
  case cloq
}

/// How much of the rounding error a new adapter makes good.
public struct InitializationReport: Sendable {
  public struct Layer: Sendable, Hashable {
    public var name: String
    /// What rounding did to the layer, relative to the weight: ‖ΔW‖²/‖W‖², or with calibration tr ΔW·H·ΔWᵀ / tr W·H·Wᵀ.
    public var before: Double
    /// The same with the adapter.
    public var after: Double
  }

  public var layers: [Layer] = []

  public init() {}

  /// The means over all layers.
  public var before: Double { layers.reduce(0) { $0 + $1.before } / Double(max(1, layers.count)) }
  public var after: Double { layers.reduce(0) { $0 + $1.after } / Double(max(1, layers.count)) }
}

extension LoRA {
  /// `model` with new adapters, which start as `initialization` says.
  ///
  /// - Parameters:
  ///   - float: The model whose weights were rounded; `loftq` and `cloq` need it.
  ///   - calibration: Text to measure activations on, for `cloq`. Each layer sees what the layers before it produce with
  ///     their adapters.
  /// - Throws: `InitializationMismatch`, and what `attach(to:)` and calibration throw.
  public func attach(
    to model: Model, initialization: AdapterInitialization, float: Model? = nil,
    calibration: CalibrationData? = nil, progress: ProgressHandler? = nil
  ) throws -> (model: Model, report: InitializationReport) {
    var result = try attach(to: model)
    var report = InitializationReport()
    if initialization == .default { return (result, report) }
    let start = try Start(self, initialization, model, float, calibration)
    var pass = try start.calibration.map { try CalibrationPass(result, $0) }
    let total = result.allLinears.count { $0.adapter != nil }
    for index in result.blocks.indices {
      var block = result.blocks[index]
      let original = try float.map {
        try $0.blocks[index].inBasis(of: block, model.config, on: model.backend)
      }
      try pass?.begin(block)
      for stage in Stage.allCases {
        let places = block.linears(of: stage).filter { block.linears[$0].adapter != nil }
        let hessian = places.isEmpty ? nil : try pass?.statistics().hessian
        for place in places {
          try Interrupt.check()
          let (linear, layer) = try start.initialize(
            block.linears[place], original: original?.linears[place], metric: hessian)
          block.linears[place] = linear
          report.layers.append(layer)
          progress?(
            Progress(
              stage: "\(initialization.rawValue) \(linear.name)", done: report.layers.count,
              total: total, unit: "layers"))
        }
        if index + 1 < result.blocks.count || stage != .mlpOutput {
          try pass?.advance(stage, through: block)
        }
      }
      pass?.end()
      result.blocks[index] = block
    }
    result.lineage.append("\(initialization.rawValue) r\(rank)")
    return (result, report)
  }
}

/// An initialization with all that it needs, checked.
private struct Start {
  let lora: LoRA
  let kind: AdapterInitialization
  let backend: any Backend
  let calibration: CalibrationData?

  init(
    _ lora: LoRA, _ kind: AdapterInitialization, _ model: Model, _ float: Model?,
    _ calibration: CalibrationData?
  ) throws {
    self.lora = lora
    self.kind = kind
    backend = model.backend
    self.calibration = kind == .cloq ? calibration : nil
    if kind == .pissa {
      guard !model.isQuantized else { throw InitializationMismatch(kind, .quantizedBase) }
      return
    }
    guard model.isQuantized else { throw InitializationMismatch(kind, .floatBase) }
    guard let float else { throw InitializationMismatch(kind, .noFloatModel) }
    let shapes = { (model: Model) in model.allLinears.map { [$0.outputs, $0.inputs] } }
    guard !float.isQuantized, shapes(float) == shapes(model) else {
      throw InitializationMismatch(kind, .otherModel)
    }
    if kind == .cloq, calibration == nil { throw InitializationMismatch(kind, .noCalibration) }
  }

  func initialize(_ linear: Linear, original: Linear?, metric: Tensor?) throws -> (
    Linear, InitializationReport.Layer
  ) {
    var linear = linear
    let whole: Tensor
    let target: Tensor
    switch (linear.weight, original?.weight) {
    case (.dense(let weight), nil):
      whole = try float(weight)
      target = whole
    case (.packed(let matrix), .dense(let weight)?):
      whole = try float(weight)
      target = try sum(whole, try backend.dequantize(matrix), times: -1)
    default:
      // A layer that was skipped in quantization has no error to repair; its adapter starts as usual.
      return (linear, .init(name: linear.name, before: 0, after: 0))
    }
    let scale = lora.scale
    guard scale > 0 else { throw InitializationMismatch(kind, .noScale) }
    let best = try LowRank(target, metric: metric, rank: lora.rank, on: backend)
    let share = try backend.place(
      Tensor([Float](repeating: 1 / scale.squareRoot(), count: best.b.rows), shape: [best.b.rows]))
    let other = try backend.place(
      Tensor([Float](repeating: 1 / scale.squareRoot(), count: best.a.rows), shape: [best.a.rows]))
    linear.adapter?.b = try backend.scaled(best.b, rows: share, columns: nil)
    linear.adapter?.a = try backend.scaled(best.a, rows: other, columns: nil)
    guard let delta = try linear.adapter?.term.delta(on: backend) else {
      return (linear, .init(name: linear.name, before: 0, after: 0))
    }
    let rest = try sum(target, delta, times: -1)
    if case .dense(let weight) = linear.weight {
      linear.weight = .dense(
        weight.dtype == .f32 ? rest : try backend.convert(rest, to: weight.dtype))
    }
    let size = try cost(whole, metric)
    return (
      try lora.completed(linear, on: backend),
      .init(
        name: linear.name, before: size > 0 ? try cost(target, metric) / size : 0,
        after: size > 0 ? try cost(rest, metric) / size : 0)
    )
  }

  private func float(_ weight: Tensor) throws -> Tensor {
    weight.dtype == .f32 ? weight : try backend.convert(weight, to: .f32)
  }

  private func sum(_ first: Tensor, _ second: Tensor, times factor: Float) throws -> Tensor {
    let factors = try backend.place(
      Tensor([Float](repeating: factor, count: second.rows), shape: [second.rows]))
    return try backend.add(first, try backend.scaled(second, rows: factors, columns: nil))
  }

  /// tr D·H·Dᵀ, or ‖D‖².
  private func cost(_ matrix: Tensor, _ metric: Tensor?) throws -> Double {
    guard let metric else { return try backend.sumOfSquares([matrix]) }
    let weighted = try backend.product(
      matrix, transposed: false, metric, transposed: false, alpha: 1, beta: 0, into: nil)
    let sums = try backend.read(backend.columnDots(matrix, weighted))
    return max(sums.reduce(0.0) { $0 + Double($1) }, 0)
  }
}

/// An initialization that the model or what was given does not allow.
public struct InitializationMismatch: Failure, Equatable {
  public enum Reason: Sendable, Hashable {
    case quantizedBase, floatBase, noFloatModel, otherModel, noCalibration, noScale
  }

  public var initialization: String
  public var reason: Reason

  init(_ initialization: AdapterInitialization, _ reason: Reason) {
    self.initialization = initialization.rawValue
    self.reason = reason
  }

  public var message: String {
    switch reason {
    case .quantizedBase:
      "\(initialization) takes its adapter out of float weights; the base is quantized"
    case .floatBase: "\(initialization) repairs what rounding did; the base is float"
    case .noFloatModel: "\(initialization) needs the float model that was quantized"
    case .otherModel: "the model given is not the float model that was quantized"
    case .noCalibration: "\(initialization) measures activations, and there is no calibration text"
    case .noScale: "\(initialization) needs an adapter whose scale is above 0"
    }
  }

  public var help: String? {
    switch reason {
    case .quantizedBase: "use init=cloq or init=loftq, or start from the float model"
    case .floatBase: "`quantize` first, or use init=pissa"
    case .noFloatModel, .otherModel:
      "name it: `load phi; quantize gptq; finetune tiny-codes init=\(initialization) from=phi`"
    case .noCalibration: "name a dataset: calibration=wikitext.train"
    case .noScale: "use alpha= above 0"
    }
  }
}

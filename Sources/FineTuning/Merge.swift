import Models
import Runtime
import Tensor

/// Folds a model's adapters into its weights: W + scale · B·A, with DoRA its rows at the lengths that were trained.
///
/// Float weights keep their type. Quantized weights have no room for a change smaller than half a step, so merging into
/// them happens only on request, on the weights' own grid, and the report says what was left of the training. Adapters
/// that were trained merge-aware computed with the rounded sum all along: merging them loses nothing and needs no request.
///
/// - Guarantee: merging a merge-aware adapter gives the codes that its training computed with, bit for bit.
public struct Merge: Sendable, Hashable {
  /// Whether quantized weights are rounded again on their own grid; otherwise they are refused.
  public var requantizes: Bool

  public init(requantizes: Bool = false) { self.requantizes = requantizes }

  /// - Throws: `NothingToMerge`; `QuantizedMerge` for a quantized base where `requantizes` is false; `Cancelled`.
  public func callAsFunction(_ model: Model, progress: ProgressHandler? = nil) throws
    -> (model: Model, report: MergeReport)
  {
    let count = model.allLinears.count { $0.adapter != nil }
    guard count > 0 else { throw NothingToMerge() }
    if !requantizes, let layer = model.allLinears.first(where: \.wouldLose) {
      throw QuantizedMerge(layer: layer.name)
    }
    var report = MergeReport()
    var total = Survival()
    var merged = try model.mapLinears { linear in
      guard let adapter = linear.adapter, let delta = try linear.delta(on: model.backend) else {
        return linear
      }
      try Interrupt.check()
      var linear = linear
      let (weight, survival) =
        switch linear.weight {
        case .dense(let tensor):
          try merge(delta, into: tensor, backend: model.backend)
        case .packed(let matrix):
          try merge(delta, into: matrix, backend: model.backend)
        }
      linear.weight = weight
      linear.adapter = nil
      report.isMergeAware = report.isMergeAware || adapter.isMergeAware
      report.layers.append(survival.layer(linear.name))
      total += survival
      progress?(
        Progress(
          stage: "merge \(linear.name)", done: report.layers.count, total: count, unit: "layers"))
      return linear
    }
    report.total = total.layer("total")
    merged.lineage.append(report.isRequantized ? "merged, requantized" : "merged")
    return (merged, report)
  }

  private func merge(_ delta: Tensor, into weight: Tensor, backend: any Backend) throws -> (
    Weight, Survival
  ) {
    let sum = try backend.add(
      weight.dtype == .f32 ? weight : try backend.convert(weight, to: .f32), delta)
    let merged = weight.dtype == .f32 ? sum : try backend.convert(sum, to: weight.dtype)
    return (
      .dense(merged),
      try backend.survival(of: delta, from: .dense(weight), to: .dense(merged))
    )
  }

  private func merge(_ delta: Tensor, into matrix: PackedMatrix, backend: any Backend) throws -> (
    Weight, Survival
  ) {
    let merged = try backend.requantize(matrix, adding: delta)
    return (
      .packed(merged),
      try backend.survival(of: delta, from: .packed(matrix), to: .packed(merged))
    )
  }
}

extension Linear {
  /// Whether merging would round away part of what the adapter computes.
  fileprivate var wouldLose: Bool {
    guard case .packed = weight, let adapter else { return false }
    return !adapter.isMergeAware
  }
}

extension Model {
  /// The same model without its adapters; the base is as it was.
  public func droppingAdapter() -> Model {
    guard hasAdapter else { return self }
    var model = mapLinears { linear in
      var linear = linear
      linear.adapter = nil
      return linear
    }
    model.lineage.append("adapter dropped")
    return model
  }
}

/// A model without an adapter.
public struct NothingToMerge: Failure, Equatable {
  public init() {}
  public var message: String { "the model has no adapter to merge" }
}

/// A merge into quantized weights that nobody asked to round again.
public struct QuantizedMerge: Failure, Equatable {
  public var layer: String

  public init(layer: String) { self.layer = layer }

  public var message: String {
    "\(layer) is quantized: its weights cannot take up the adapter without being rounded again"
  }
  public var help: String? {
    "keep the adapter as it is, train with method=merge-aware, or round again with `merge requantize=yes`, which loses part of the training"
  }
}

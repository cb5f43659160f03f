import Models
import Runtime
import Tensor

/// Folds a model's adapters into its weights: W + scale · B·A.
///
/// Float weights keep their type. Quantized weights have no room for a change smaller than half a step, so merging into
/// them happens only on request, on the weights' own grid, and the report says what was left of the training.
public struct Merge: Sendable, Hashable {
  /// Whether quantized weights are rounded again on their own grid; otherwise they are refused.
  public var requantizes: Bool

  public init(requantizes: Bool = false) { self.requantizes = requantizes }

  /// - Throws: `NothingToMerge`; `QuantizedMerge` for a quantized base where `requantizes` is false; `Cancelled`.
  public func callAsFunction(_ model: Model, progress: ProgressHandler? = nil) throws
    -> (model: Model, report: MergeReport)
  {
    let total = model.allLinears.count { $0.adapter != nil }
    guard total > 0 else { throw NothingToMerge() }
    if !requantizes, let layer = model.allLinears.first(where: \.isAdaptedAndPacked) {
      throw QuantizedMerge(layer: layer.name)
    }
    var report = MergeReport()
    var merged = try model.mapLinears { linear in
      guard let adapter = linear.adapter else { return linear }
      try Interrupt.check()
      var linear = linear
      let delta = try adapter.delta(on: model.backend)
      let (weight, layer) =
        switch linear.weight {
        case .dense(let tensor):
          try merge(delta, into: tensor, name: linear.name, backend: model.backend)
        case .packed(let matrix):
          try merge(delta, into: matrix, name: linear.name, backend: model.backend)
        }
      linear.weight = weight
      linear.adapter = nil
      report.layers.append(layer)
      progress?(
        Progress(
          stage: "merge \(linear.name)", done: report.layers.count, total: total, unit: "layers"))
      return linear
    }
    merged.lineage.append(report.isRequantized ? "merged, requantized" : "merged")
    return (merged, report)
  }

  private func merge(
    _ delta: Tensor, into weight: Tensor, name: String, backend: any Backend
  ) throws -> (Weight, MergeReport.Layer) {
    let sum = try backend.add(
      weight.dtype == .f32 ? weight : try backend.convert(weight, to: .f32), delta)
    let merged = weight.dtype == .f32 ? sum : try backend.convert(sum, to: weight.dtype)
    var survival = Survival()
    for rows in blocks(of: weight.rows, columns: weight.columns) {
      let before = try backend.read(weight.rows(rows))
      let after = try backend.read(merged.rows(rows))
      survival.add(
        before: before, after: after, intended: try backend.read(delta.rows(rows)))
    }
    return (.dense(merged), survival.layer(name))
  }

  private func merge(
    _ delta: Tensor, into matrix: PackedMatrix, name: String, backend: any Backend
  ) throws -> (Weight, MergeReport.Layer) {
    var requantizer = try Requantizer(matrix, backend: backend)
    var survival = Survival()
    for rows in blocks(of: matrix.rows, columns: matrix.columns) {
      try Interrupt.check()
      let intended = try backend.read(delta.rows(rows))
      let change = try requantizer.round(rows, adding: intended)
      survival.add(
        before: change.before, after: change.after, intended: intended, step: change.step)
    }
    return (.packed(try requantizer.finished()), survival.layer(name))
  }

  /// Rows in blocks small enough to hold a few of as f32.
  private func blocks(of rows: Int, columns: Int) -> [Range<Int>] {
    let step = max(1, (1 << 22) / max(1, columns))
    return stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
  }
}

extension Linear {
  fileprivate var isAdaptedAndPacked: Bool {
    if case .packed = weight { adapter != nil } else { false }
  }
}

extension Adapter {
  /// The change of the weight that the adapter stands for, scale · B·A: f32 `[out, in]`.
  func delta(on backend: any Backend) throws -> Tensor {
    try backend.product(
      b, transposed: false, a, transposed: false, alpha: scale, beta: 0, into: nil)
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
    "keep the adapter as it is, or round again with `merge requantize=yes`, which loses part of the training"
  }
}

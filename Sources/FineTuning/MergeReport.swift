import Tensor

/// What merging did, layer by layer.
public struct MergeReport: Sendable {
  public struct Layer: Sendable, Hashable {
    public var name: String
    /// ‖Δ‖/‖W‖ of the intended change.
    public var change: Double
    /// The share of stored weights (or codes) that are not what they were.
    public var changed: Double
    /// The cosine of the intended and the realized change: 1 where all of it survived.
    public var cosine: Double
    /// The rms of the intended change in steps of the grid; nil where the weights are float.
    public var steps: Double?
  }

  public var layers: [Layer] = []
  /// All layers taken together.
  public var total = Layer(name: "total", change: 0, changed: 0, cosine: 1, steps: nil)
  /// Whether the adapters were trained on the rounded sum, so that rounding them lost nothing.
  public var isMergeAware = false

  public init() {}

  /// Whether most of the training was rounded away: the realized change points elsewhere than the intended one.
  public var isNearNoOp: Bool { isRequantized && !isMergeAware && total.cosine < 0.5 }

  /// Whether quantized weights were rounded again.
  public var isRequantized: Bool { layers.contains { $0.steps != nil } }
}

extension Survival {
  /// A layer of that name, of which these are the sums.
  func layer(_ name: String) -> MergeReport.Layer {
    let norms = (intended * realized).squareRoot()
    return MergeReport.Layer(
      name: name, change: weight > 0 ? (intended / weight).squareRoot() : 0,
      changed: count > 0 ? Double(changed) / Double(count) : 0,
      // An adapter that changes nothing has nothing to lose.
      cosine: norms > 0 ? product / norms : intended == 0 ? 1 : 0,
      steps: hasSteps && count > 0 ? (steps / Double(count)).squareRoot() : nil)
  }
}

import Runtime
import Tensor

/// How a model is quantized. Each method has its defaults; those that several share are the same for all.
public struct QuantizationSettings: Sendable, Hashable {
  /// The order in which GPTQ rounds the columns of a layer.
  public enum Order: String, Sendable, Hashable, CaseIterable {
    /// As they stand.
    case none
    /// The largest inputs first, groups and their scales as without an order.
    case `static`
    /// Groups by their largest input, and within each the largest inputs first ("group-aware reordering").
    case gar
    /// The largest inputs first, groups formed in that order; each column remembers its group.
    case act
  }

  /// What AWQ's search for scales minimizes.
  public enum Objective: String, Sendable, Hashable, CaseIterable {
    /// The error of the layers' outputs, through their inputs' Hessian: tr ΔW·H·ΔWᵀ.
    case hessian
    /// The error of the output of the attention, the MLP or the linear that follows, on the calibration tokens.
    case output
  }

  /// The name of the method.
  public var method: String
  /// Bits per code: 2, 3, 4 or 8.
  public var bits = 4
  /// Weights that share a scale, 16 to 128, or nil for whole rows.
  public var group: Int? = 128
  public var symmetric = false
  /// Blocks of calibration tokens.
  public var samples = 128
  /// Tokens in a block; nil: 2048, or as many as the model can read.
  public var length: Int?
  /// Draws the blocks at random instead of taking the first ones.
  public var seed: UInt64?
  public var order = Order.none
  public var scale = ScaleRule.minmax
  /// Added to the Hessian's diagonal, as a part of its mean.
  public var damping: Float = 0.01
  /// Whether each layer is calibrated on what the quantized layers before it produce.
  public var sequential: Bool
  public var objective = Objective.hessian
  /// Layers to leave alone: parts of their names, `*` standing for anything within a part (`down_proj`, `layers.0`,
  /// `layers.*.mlp`).
  public var skip: [String] = []

  public init(method: String, sequential: Bool = true) {
    self.method = method
    self.sequential = sequential
  }

  /// Whether all that calibration gives are statistics of the float model.
  public var measuresFloat: Bool { !sequential && objective == .hessian }

  /// What a model's lineage says: `gptq w4 g128`.
  public var title: String {
    var parts = [method, "w\(bits)", group.map { "g\($0)" } ?? "rows"]
    if symmetric { parts.append("symmetric") }
    if order != .none { parts.append(order.rawValue) }
    if scale != .minmax { parts.append(scale.rawValue) }
    return parts.joined(separator: " ")
  }

  /// The lengths of calibration blocks for a model that reads `maxPositions` tokens.
  public func length(maxPositions: Int) -> Int { length ?? min(2048, maxPositions) }

  /// Checks what can be checked without a model.
  ///
  /// - Throws: `QuantizationFailure`.
  public func check() throws {
    guard [2, 3, 4, 8].contains(bits) else { throw QuantizationFailure.unsupportedBits(bits) }
    if let group, !(16...128).contains(group) {
      throw QuantizationFailure.groupOutOfRange(group)
    }
    guard samples > 0 else { throw QuantizationFailure.notPositive("samples") }
    if let length, length < 2 { throw QuantizationFailure.notPositive("length") }
    guard damping.isFinite, damping >= 0 else { throw QuantizationFailure.badDamping(damping) }
    let quantizer = try Quantizers.named(method)
    if order != .none, !quantizer.options.contains(.order) {
      throw QuantizationFailure.notForMethod(option: "order", method: method)
    }
    if objective != .hessian, !quantizer.options.contains(.objective) {
      throw QuantizationFailure.notForMethod(option: "objective", method: method)
    }
  }
}

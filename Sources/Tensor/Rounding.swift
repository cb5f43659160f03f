import Runtime

/// How the scale of a group is chosen.
public enum ScaleRule: String, Sendable, Hashable, CaseIterable {
  /// The whole range of the group's weights.
  case minmax
  /// Of that range and 80 smaller ones in steps of 1 %, the one with the least squared rounding error.
  case mse
}

/// The order in which GPTQ rounds the columns of a matrix.
public struct ColumnOrder: Sendable, Hashable {
  public enum Grouping: Sendable, Hashable {
    /// Groups are those of the original columns, their scales found before the first column is rounded.
    case fixed
    /// Groups are those of the original columns; the order keeps the columns of a group together.
    case kept
    /// Groups are formed of columns that follow each other in the order; each column remembers its group.
    case formed
  }

  /// The column at each place.
  public var columns: [Int32]
  public var grouping: Grouping

  public init(columns: [Int32], grouping: Grouping) {
    self.columns = columns
    self.grouping = grouping
  }

  /// The place of each column; nil where `columns` is no permutation.
  public var places: [Int32]? {
    var places = [Int32](repeating: -1, count: columns.count)
    for (place, column) in columns.enumerated() {
      guard column >= 0, Int(column) < places.count, places[Int(column)] < 0 else { return nil }
      places[Int(column)] = Int32(place)
    }
    return places
  }
}

/// What GPTQ needs to know of a Hessian.
///
/// *Paper:* Frantar et al., "GPTQ" (2022), section 3.3, step 3.
public struct InverseFactor: Sendable {
  /// f32 `[n, n]`: the upper triangular U with Uᵀ·U = (H + λI)⁻¹, in `order`. What stands below the diagonal is no part
  /// of it: zeros, or the Hessian.
  public var upper: Tensor
  /// λ as a part of the mean of H's diagonal.
  public var damping: Float
  /// Inputs that were always 0: their weights do not matter and become 0.
  public var dead: [Int32]
  public var order: ColumnOrder?

  public init(upper: Tensor, damping: Float, dead: [Int32], order: ColumnOrder?) {
    self.upper = upper
    self.damping = damping
    self.dead = dead
    self.order = order
  }
}

/// Memory for a Hessian and its inverse factor. Both are triangles, so that one square can hold them.
public struct HessianSpace: Sendable {
  /// f32 `[n, n]`.
  public var hessian: Tensor
  /// f32 `[n, n]`: where the factor's upper triangle goes; nil where it gets memory of its own.
  public var factor: Tensor?

  public init(hessian: Tensor, factor: Tensor?) {
    self.hessian = hessian
    self.factor = factor
  }
}

/// How far a rounded matrix Q lies from its original W, D = Q − W.
public struct RoundingError: Sendable, Hashable {
  /// ‖D‖²
  public var difference: Double
  /// ‖W‖²
  public var weight: Double
  /// tr D·H·Dᵀ, with a Hessian.
  public var differenceProxy: Double?
  /// tr W·H·Wᵀ, with a Hessian.
  public var weightProxy: Double?

  public init(
    difference: Double, weight: Double, differenceProxy: Double? = nil,
    weightProxy: Double? = nil
  ) {
    self.difference = difference
    self.weight = weight
    self.differenceProxy = differenceProxy
    self.weightProxy = weightProxy
  }

  /// ‖D‖/‖W‖
  public var relative: Double { weight > 0 ? (difference / weight).squareRoot() : 0 }
  /// tr D·H·Dᵀ / tr W·H·Wᵀ
  public var proxy: Double? {
    guard let differenceProxy, let weightProxy else { return nil }
    return weightProxy > 0 ? differenceProxy / weightProxy : 0
  }
}

/// NaN or Inf where numbers were expected.
public struct NotFinite: Failure, Equatable {
  public var operation: String
  /// What holds them: `weight`, `Hessian`.
  public var what: String

  public init(operation: String, what: String) {
    self.operation = operation
    self.what = what
  }

  public var message: String { "\(operation): NaN or Inf in the \(what)" }
}

/// A Hessian that no reasonable damping makes positive definite.
public struct NotPositiveDefinite: Failure, Equatable {
  /// The largest damping tried, as a part of the mean of the diagonal.
  public var damping: Float

  public init(damping: Float) { self.damping = damping }

  public var message: String {
    "the Hessian is not positive definite, not even with a damping of \(damping)"
  }
}

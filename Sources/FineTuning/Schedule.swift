#if canImport(Glibc)
  import Glibc
#endif

/// How the learning rate moves over a run, as a factor of its peak.
///
/// The definitions are those of transformers' `get_constant_schedule_with_warmup`, `get_linear_schedule_with_warmup`
/// and `get_cosine_schedule_with_warmup`, so that a recipe carries over unchanged.
public struct Schedule: Sendable, Hashable {
  public enum Shape: String, Sendable, Hashable, CaseIterable {
    case constant
    /// Falls to 0 along a line.
    case linear
    /// Falls to 0 along half a cosine wave.
    case cosine
  }

  public var shape: Shape
  /// Steps over which the rate first rises from 0 along a line.
  public var warmup: Int

  public init(_ shape: Shape = .constant, warmup: Int = 0) {
    self.shape = shape
    self.warmup = warmup
  }

  /// The factor at step `step`, counted from 0, of `steps`: in [0, 1].
  public func factor(step: Int, of steps: Int) -> Double {
    if step < warmup { return Double(step) / Double(max(1, warmup)) }
    let progress = min(1, Double(step - warmup) / Double(max(1, steps - warmup)))
    switch shape {
    case .constant: return 1
    case .linear: return 1 - progress
    case .cosine: return 0.5 * (1 + cos(.pi * progress))
    }
  }
}

import Glibc
import Runtime

/// A linear axis with round ticks.
public struct Axis: Sendable, Equatable {
  public let lower: Double
  public let upper: Double
  /// Ascending, within the bounds.
  public let ticks: [Double]
  /// Digits behind the point that tell the ticks apart.
  public let digits: Int

  /// - Parameters:
  ///   - values: What must fit. Without any the axis goes from 0 to 1.
  ///   - fitsTightly: The bounds are the smallest and the largest value, not ticks.
  ///   - isWhole: Ticks are whole numbers, as for what is counted.
  ///   - count: About how many ticks.
  public init(
    _ values: [Double], includesZero: Bool, fitsTightly: Bool = false, isWhole: Bool = false,
    count: Int = 6
  ) {
    let finite = values.filter { $0.isFinite && $0.magnitude < 1e300 }
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if includesZero {
      low = min(low, 0)
      high = max(high, 0)
    }
    if high - low <= 1e-12 * max(high.magnitude, low.magnitude) {
      let room = high == 0 ? 1 : high.magnitude / 10
      if !(includesZero && low == 0) { low -= room }
      high += room
    }
    var step = Axis.roundStep((high - low) / Double(max(count, 1)))
    if isWhole { step = step == 2.5 ? 5 : max(step, 1) }
    if !fitsTightly {
      low = (low / step + 1e-9).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
    }
    lower = low
    upper = high
    var ticks: [Double] = []
    var index = (low / step - 1e-9).rounded(.up)
    while index * step <= high + step * 1e-9, ticks.count < 100 {
      ticks.append(index == 0 ? 0 : index * step)
      index += 1
    }
    self.ticks = ticks
    digits = Axis.digits(of: step)
  }

  /// Where a value lies, from 0 at the lower bound to 1 at the upper.
  public func place(_ value: Double) -> Double {
    min(max((value - lower) / (upper - lower), 0), 1)
  }

  /// A tick as it is written.
  public func text(_ tick: Double) -> String {
    let size = max(lower.magnitude, upper.magnitude)
    return size >= 1e7 || size < 1e-4 ? Words.brief(tick) : Words.decimals(tick, digits)
  }

  /// The smallest of 1, 2, 2.5, 5 times a power of ten that is no less.
  private static func roundStep(_ rough: Double) -> Double {
    guard rough > 0, rough.isFinite else { return 1 }
    let power = pow(10, log10(rough).rounded(.down))
    for factor in [1, 2, 2.5, 5] where factor * power >= rough * (1 - 1e-9) {
      return factor * power
    }
    return 10 * power
  }

  private static func digits(of step: Double) -> Int {
    var digits = 0
    var scaled = step
    while digits < 12, (scaled - scaled.rounded()).magnitude > 1e-9 * max(scaled, 1e-30) {
      digits += 1
      scaled = step * pow(10, Double(digits))
    }
    return digits
  }
}

import Runtime

/// A chart as a value: what is drawn, not how. The console draws it in blocks, `svg()` as a vector graphic.
///
/// A chart has either bars with reference lines, or curves. All numbers are finite: what is not is left out on the way
/// in.
public struct Chart: Sendable, Equatable {
  /// A quantity of one thing, drawn from the axis' beginning.
  public struct Bar: Sendable, Equatable {
    public var label: String
    public var value: Double
    /// Drawn as whiskers.
    public var interval: ClosedRange<Double>?

    public init(_ label: String, _ value: Double, interval: ClosedRange<Double>? = nil) {
      self.label = label
      self.value = value
      self.interval = interval
    }
  }

  public enum LineStyle: String, Sendable { case solid, dashed }

  /// A line across all bars, to compare them with.
  public struct Reference: Sendable, Equatable {
    public var label: String
    public var value: Double
    public var style: LineStyle

    public init(_ label: String, _ value: Double, style: LineStyle) {
      self.label = label
      self.value = value
      self.style = style
    }
  }

  public struct Point: Sendable, Equatable {
    public var x: Double
    public var y: Double

    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// Values over a common quantity, such as a loss over steps.
  public struct Curve: Sendable, Equatable {
    public var label: String
    /// In ascending order of `x`.
    public var points: [Point]
    /// Few points that stand for themselves are marked one by one.
    public var isMarked: Bool

    public init(_ label: String, _ points: [Point], isMarked: Bool = false) {
      self.label = label
      self.points = points
      self.isMarked = isMarked
    }

    /// The curve in at most so many points: means of as many neighbours each as it takes.
    public func thinned(to count: Int) -> [Point] {
      let size = (points.count + count - 1) / max(count, 1)
      guard size > 1 else { return points }
      return stride(from: 0, to: points.count, by: size).map { start in
        let part = points[start..<min(start + size, points.count)]
        let number = Double(part.count)
        return Point(
          x: part.reduce(0) { $0 + $1.x } / number, y: part.reduce(0) { $0 + $1.y } / number)
      }
    }
  }

  public var title: String
  /// What the values are, with the unit: `perplexity`, `loss, nats/token`.
  public var quantity: String
  /// What the curves run over: `step`. Empty for bars.
  public var over: String
  public private(set) var bars: [Bar]
  public private(set) var references: [Reference]
  public private(set) var curves: [Curve]
  /// Whether the values' axis begins at zero. Bars that do not begin there show differences larger than they are, so
  /// that this is said on the chart.
  public var beginsAtZero: Bool
  /// What a reader must know, below the chart.
  public var notes: [String]

  /// Bars, and lines across them.
  public init(
    title: String, quantity: String, bars: [Bar], references: [Reference] = [],
    beginsAtZero: Bool = true, notes: [String] = []
  ) {
    self.title = title
    self.quantity = quantity
    over = ""
    self.bars = bars.filter { $0.value.isFinite }.map { bar in
      var bar = bar
      if let interval = bar.interval, !interval.lowerBound.isFinite || !interval.upperBound.isFinite
      {
        bar.interval = nil
      }
      return bar
    }
    self.references = references.filter { $0.value.isFinite }
    curves = []
    self.beginsAtZero = beginsAtZero
    self.notes = notes
  }

  /// Curves over one quantity.
  public init(
    title: String, quantity: String, over: String, curves: [Curve], beginsAtZero: Bool = false,
    notes: [String] = []
  ) {
    self.title = title
    self.quantity = quantity
    self.over = over
    bars = []
    references = []
    self.curves = curves.map { curve in
      var curve = curve
      curve.points = curve.points.filter { $0.x.isFinite && $0.y.isFinite }
      return curve
    }.filter { !$0.points.isEmpty }
    self.beginsAtZero = beginsAtZero
    self.notes = notes
  }

  /// Whether there is nothing to draw.
  public var isEmpty: Bool { bars.isEmpty && references.isEmpty && curves.isEmpty }

  /// The values' axis, wide enough for everything drawn on it.
  public var valueAxis: Axis {
    var values = bars.map(\.value) + references.map(\.value)
    values += bars.compactMap(\.interval).flatMap { [$0.lowerBound, $0.upperBound] }
    values += curves.flatMap { $0.points.map(\.y) }
    return Axis(values, includesZero: beginsAtZero)
  }

  /// The axis that the curves run over: from their first to their last point.
  public var overAxis: Axis {
    let places = curves.flatMap { $0.points.map(\.x) }
    return Axis(
      places, includesZero: false, fitsTightly: true,
      isWhole: places.allSatisfy { $0 == $0.rounded() })
  }

  /// The number of a bar, with as many digits as the others have.
  public func text(_ bar: Bar) -> String { Words.brief(bar.value, beside: bars.map(\.value)) }

  /// What it shows, in sentences: for those who cannot see it.
  public var summary: String {
    var parts: [String] = []
    if !bars.isEmpty {
      let list = bars.map { bar in
        "\(bar.label) \(text(bar))"
          + (bar.interval.map {
            " (\(Words.brief($0.lowerBound)) to \(Words.brief($0.upperBound)))"
          } ?? "")
      }
      parts.append("Bars of \(quantity): " + list.joined(separator: ", ") + ".")
    }
    for line in references {
      parts.append(
        "\(line.style == .solid ? "Solid" : "Dashed") line: \(line.label) \(Words.brief(line.value))."
      )
    }
    for curve in curves {
      guard let first = curve.points.first, let last = curve.points.last else { continue }
      parts.append(
        "\(curve.label): \(quantity) from \(Words.brief(first.y)) at \(over) \(Words.brief(first.x)) to \(Words.brief(last.y)) at \(Words.brief(last.x))."
      )
    }
    return (parts + notes.map { $0.hasSuffix(".") ? $0 : $0 + "." }).joined(separator: " ")
  }
}

import Language
import Runtime

extension Chart {
  /// The chart as a stand-alone SVG document, which may also stand inside of an HTML page.
  ///
  /// It brings its colours along, for light and dark surroundings, and says in words what it shows (`title`, `desc`).
  ///
  /// - Guarantee: the same chart gives the same bytes.
  public func svg() -> String {
    var page = SVGPage(chart: self)
    page.draw()
    return page.document
  }
}

/// One drawing under way. Lengths are in pixels of the view box.
private struct SVGPage {
  let chart: Chart
  private let axis: Axis
  private let width = 760.0
  private let left: Double
  private let right: Double
  /// The number above a bar that reaches the top stands below the title's lines.
  private let top: Double
  private let plotHeight = 300.0
  private var body: [String] = []
  private var height = 0.0

  init(chart: Chart) {
    self.chart = chart
    let axis = chart.valueAxis
    self.axis = axis
    top = chart.bars.isEmpty ? 56 : 70
    let widest = axis.ticks.map { axis.text($0).displayWidth }.max() ?? 1
    left = 34 + Double(widest) * 7.2 + 8
    let labels = chart.references.map { "\($0.label) \(Words.brief($0.value))" }
    let longest = labels.map(\.displayWidth).max() ?? 0
    right = labels.isEmpty ? 24 : min(max(Double(longest) * 6.8 + 18, 60), 200)
  }

  private var plotWidth: Double { width - left - right }
  private var bottom: Double { top + plotHeight }
  private func y(_ value: Double) -> Double { bottom - axis.place(value) * plotHeight }

  mutating func draw() {
    text(left, 26, chart.title, "t", "start", limit: 90)
    text(left, 44, chart.quantity, "q", "start", limit: 90)
    for tick in axis.ticks {
      line(left, y(tick), width - right, y(tick), tick == axis.lower ? "a" : "g")
      text(left - 8, y(tick) + 4, axis.text(tick), "k", "end", limit: 20)
    }
    var below = bottom
    if !chart.bars.isEmpty || !chart.references.isEmpty { below = drawBars() }
    if !chart.curves.isEmpty { below = drawCurves() }
    var notes = chart.notes
    if !chart.bars.isEmpty, axis.lower != 0 {
      notes.insert("The axis begins at \(axis.text(axis.lower)), not at zero.", at: 0)
    }
    for note in notes {
      for row in note.wrapped(to: Int((width - left) / 6.2), rows: 4) {
        below += 18
        text(left, below, row, "n", "start", limit: 200)
      }
    }
    height = below + 18
  }

  private mutating func drawBars() -> Double {
    let count = Double(max(chart.bars.count, 1))
    let slot = plotWidth / count
    let thick = min(slot * 0.62, 90)
    let isTight = slot < 46
    var rows = 1
    for (index, bar) in chart.bars.enumerated() {
      let middle = left + slot * (Double(index) + 0.5)
      let zero = y(max(min(0, axis.upper), axis.lower))
      let end = y(bar.value)
      body.append(
        "<rect class=\"b\" x=\"\(n(middle - thick / 2))\" y=\"\(n(min(zero, end)))\" width=\"\(n(thick))\" height=\"\(n((zero - end).magnitude))\" rx=\"2\"/>"
      )
      var head = min(zero, end)
      if let interval = bar.interval {
        let (low, high) = (y(interval.lowerBound), y(interval.upperBound))
        let cap = min(thick / 4, 9)
        line(middle, low, middle, high, "w")
        line(middle - cap, low, middle + cap, low, "w")
        line(middle - cap, high, middle + cap, high, "w")
        head = min(head, high)
      }
      if !isTight { text(middle, head - 6, chart.text(bar), "v", "middle", limit: 20) }
      if isTight {
        let label = bar.label.shortened(to: 26)
        body.append(
          "<text class=\"l\" transform=\"translate(\(n(middle + 4)) \(n(bottom + 12))) rotate(-55)\" text-anchor=\"end\">\(label.escapedForXML)</text>"
        )
        rows = max(rows, Int((Double(label.displayWidth) * 5.4 / 16).rounded(.up)))
      } else {
        let parts = bar.label.wrapped(to: max(4, Int(slot / 7)), rows: 4)
        rows = max(rows, parts.count)
        for (row, part) in parts.enumerated() {
          text(middle, bottom + 18 + Double(row) * 15, part, "l", "middle", limit: 60)
        }
      }
    }
    drawReferences()
    return bottom + 8 + Double(rows) * 16
  }

  private mutating func drawReferences() {
    // Labels that would overlap are moved apart, downwards first.
    var taken = -Double.infinity
    let order = chart.references.sorted { $0.value > $1.value }
    let room = Double(order.count) * 15
    for (index, reference) in order.enumerated() {
      let height = y(reference.value)
      line(left, height, width - right, height, reference.style == .solid ? "s" : "d")
      let last = bottom - room + Double(index + 1) * 15
      let place = max(min(height + 4, max(last, taken + 15)), taken + 15)
      text(
        width - right + 8, place, "\(reference.label) \(Words.brief(reference.value))", "r",
        "start",
        limit: Int((right - 10) / 6.6))
      taken = place
    }
  }

  private mutating func drawCurves() -> Double {
    let over = chart.overAxis
    func x(_ value: Double) -> Double { left + over.place(value) * plotWidth }
    for tick in over.ticks {
      line(x(tick), bottom, x(tick), bottom + 5, "a")
      text(x(tick), bottom + 18, over.text(tick), "k", "middle", limit: 20)
    }
    text(left + plotWidth / 2, bottom + 36, chart.over, "q", "middle", limit: 60)
    var key = left
    for (index, curve) in chart.curves.enumerated() {
      let hue = "c\(index % 4)"
      let points = curve.thinned(to: 500).map { "\(n(x($0.x))),\(n(y($0.y)))" }
      body.append("<polyline class=\"c \(hue)\" points=\"\(points.joined(separator: " "))\"/>")
      if curve.isMarked {
        for point in curve.points {
          body.append(
            "<circle class=\"m \(hue)\" cx=\"\(n(x(point.x)))\" cy=\"\(n(y(point.y)))\" r=\"3.5\"/>"
          )
        }
      }
      body.append(
        "<polyline class=\"c \(hue)\" points=\"\(n(key)),\(n(bottom + 54)) \(n(key + 22)),\(n(bottom + 54))\"/>"
      )
      text(key + 28, bottom + 58, curve.label, "l", "start", limit: 40)
      key += 50 + Double(min(curve.label.displayWidth, 40)) * 7
    }
    return bottom + 66
  }

  // MARK: Elements

  private mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String)
  {
    body.append(
      "<line class=\"\(kind)\" x1=\"\(n(x1))\" y1=\"\(n(y1))\" x2=\"\(n(x2))\" y2=\"\(n(y2))\"/>")
  }

  private mutating func text(
    _ x: Double, _ y: Double, _ text: String, _ kind: String, _ anchor: String, limit: Int
  ) {
    guard !text.isEmpty else { return }
    body.append(
      "<text class=\"\(kind)\" x=\"\(n(x))\" y=\"\(n(y))\" text-anchor=\"\(anchor)\">\(text.shortened(to: limit).escapedForXML)</text>"
    )
  }

  /// A length to a hundredth.
  private func n(_ value: Double) -> String { Words.decimals(value, 2) }

  var document: String {
    let content = body.joined(separator: "\n")
    let mark = "olv-" + String(content.fingerprint, radix: 36)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" class="olv-chart" viewBox="0 0 \(n(width)) \(n(height))" width="\(n(width))" height="\(n(height))" role="img" aria-labelledby="\(mark)-t \(mark)-d">
      <title id="\(mark)-t">\(chart.title.escapedForXML)</title>
      <desc id="\(mark)-d">\(chart.summary.escapedForXML)</desc>
      <style>\(Self.style)</style>
      <rect class="p" width="100%" height="100%" rx="6"/>
      \(content)
      </svg>

      """
  }

  /// Colours with a contrast of at least 3:1 for shapes and 4.5:1 for text, also for most who see colours differently.
  private static let style: String = {
    let light = [
      "p": "#ffffff", "ink": "#1b1f24", "dim": "#59636e", "grid": "#e3e6ea", "c0": "#2f6fb3",
      "c1": "#c2500a", "c2": "#1c7c54", "c3": "#7d4aa8",
    ]
    let dark = [
      "p": "#14171c", "ink": "#e8eaed", "dim": "#a2abb5", "grid": "#2c323a", "c0": "#6cabf0",
      "c1": "#f2914b", "c2": "#57c08f", "c3": "#bd93e6",
    ]
    func variables(_ colours: [String: String]) -> String {
      colours.sorted { $0.key < $1.key }.map { "--olv-\($0.key):\($0.value)" }.joined(
        separator: ";")
    }
    let all = ".olv-chart"
    return [
      "\(all){\(variables(light));max-width:100%;height:auto;font:12px system-ui,sans-serif}",
      "@media (prefers-color-scheme:dark){\(all){\(variables(dark))}}",
      "\(all) .p{fill:var(--olv-p)}", "\(all) text{fill:var(--olv-ink)}",
      "\(all) .t{font-size:16px;font-weight:600}",
      "\(all) .q,\(all) .k,\(all) .n{fill:var(--olv-dim)}",
      "\(all) .v,\(all) .r{font-weight:600;paint-order:stroke;stroke:var(--olv-p);stroke-width:4px;stroke-linejoin:round}",
      "\(all) .g{stroke:var(--olv-grid)}", "\(all) .a{stroke:var(--olv-dim)}",
      "\(all) .b{fill:var(--olv-c0)}", "\(all) .w{stroke:var(--olv-ink);stroke-width:1.5}",
      "\(all) .s{stroke:var(--olv-c2);stroke-width:2}",
      "\(all) .d{stroke:var(--olv-c1);stroke-width:2;stroke-dasharray:7 5}",
      "\(all) .c{fill:none;stroke-width:1.8;stroke-linejoin:round}",
      "\(all) .c0{stroke:var(--olv-c0)}", "\(all) .c1{stroke:var(--olv-c1)}",
      "\(all) .c2{stroke:var(--olv-c2)}", "\(all) .c3{stroke:var(--olv-c3)}",
      "\(all) .m{fill:var(--olv-p);stroke-width:2}",
    ].joined(separator: "")
  }()
}

extension String {
  /// Text for XML: what would act as markup, and characters that XML does not allow, are replaced.
  fileprivate var escapedForXML: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n": result += " "
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// FNV-1a, to tell the charts of one page apart.
  fileprivate var fingerprint: UInt64 {
    utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

import Charts
import Language
import Runtime

/// Draws charts in a terminal: bars to the right, curves in dots.
struct ChartText {
  var width: Int
  var ink: Ink
  /// Whether only ASCII may be drawn, as for `TERM=dumb`.
  var isASCII = false

  func lines(_ chart: Chart) -> [String] {
    guard !chart.isEmpty else { return [] }
    var lines = chart.title.printable.wrapped(to: width).map { ink.bold($0) }
    if chart.quantity != chart.title, !chart.quantity.isEmpty {
      lines += chart.quantity.printable.wrapped(to: width).map { ink.dim($0) }
    }
    if chart.curves.isEmpty { lines += bars(chart) } else { lines += curves(chart) }
    var notes = chart.notes
    if !chart.bars.isEmpty, chart.valueAxis.lower != 0 {
      notes.insert(
        "the axis begins at \(chart.valueAxis.text(chart.valueAxis.lower)), not at zero", at: 0)
    }
    for note in notes { lines += note.printable.wrapped(to: width).map { ink.dim($0) } }
    return lines
  }

  // MARK: Bars

  /// One row a bar; lines of reference cross them downwards.
  private func bars(_ chart: Chart) -> [String] {
    let axis = chart.valueAxis
    let labels = chart.bars.map { $0.label.printable }
    let names = min(max(labels.map(\.displayWidth).max() ?? 0, 1), max(width / 3, 12))
    let values = chart.bars.map { chart.text($0) }
    let numbers = values.map(\.count).max() ?? 0
    let room = max(width - names - numbers - 4, 10)
    func column(_ value: Double) -> Int {
      min(Int(axis.place(value) * Double(room)), room - 1)
    }
    let references = chart.references.map { (place: column($0.value), style: $0.style) }

    var lines: [String] = []
    for (bar, (label, value)) in zip(chart.bars, zip(labels, values)) {
      let name = label.shortened(to: names)
      let padding = String(repeating: " ", count: names - name.displayWidth)
      let cells = cells(of: bar, axis, room, references)
      lines.append(
        "\(padding)\(name) \(ink.dim(isASCII ? "|" : "▕"))\(cells) "
          + String(repeating: " ", count: numbers - value.count) + ink.bold(value))
    }
    if chart.bars.isEmpty {
      lines.append(
        String(repeating: " ", count: names + 2)
          + paint(Array(repeating: Cell(" ", .blank), count: room), references))
    }
    lines += scale(axis, room, indent: names + 2)
    let key = chart.references.map { reference in
      let mark = reference.style == .solid ? solid : dashed
      return paint(mark, reference.style) + " \(reference.label.printable) "
        + ink.bold(Words.brief(reference.value))
    }
    if !key.isEmpty {
      lines.append(String(repeating: " ", count: names + 2) + key.joined(separator: "    "))
    }
    return lines
  }

  private struct Cell {
    enum Kind { case blank, bar, whisker }
    var mark: Character
    var kind: Kind

    init(_ mark: Character, _ kind: Kind) {
      self.mark = mark
      self.kind = kind
    }
  }

  private func cells(
    of bar: Chart.Bar, _ axis: Axis, _ room: Int,
    _ references: [(place: Int, style: Chart.LineStyle)]
  ) -> String {
    var cells = [Cell](repeating: Cell(" ", .blank), count: room)
    let eighths = "▏▎▍▌▋▊▉█".map { $0 }
    let (from, to) = (axis.place(0), axis.place(bar.value))
    let (start, end) = (min(from, to) * Double(room), max(from, to) * Double(room))
    for index in 0..<room {
      let filled = min(end - Double(index), 1) - max(start - Double(index), 0)
      guard filled > 0 else { continue }
      if isASCII {
        if filled >= 0.5 { cells[index] = Cell("#", .bar) }
      } else {
        // Blocks grow from the left; the left end of a bar below zero is rounded.
        let parts = min(Int((filled * 8).rounded()), 8)
        if parts > 0 {
          cells[index] = Cell(
            start > Double(index) ? (filled >= 0.5 ? "█" : " ") : eighths[parts - 1], .bar)
        }
      }
    }
    if let interval = bar.interval {
      let low = min(Int(axis.place(interval.lowerBound) * Double(room)), room - 1)
      let high = min(Int(axis.place(interval.upperBound) * Double(room)), room - 1)
      // Shorter than two cells it would hide the bar's end and show nothing.
      if high > low {
        for index in low...high { cells[index] = Cell(isASCII ? "-" : "─", .whisker) }
        cells[low] = Cell(isASCII ? "[" : "├", .whisker)
        cells[high] = Cell(isASCII ? "]" : "┤", .whisker)
        let middle = min(Int(axis.place(bar.value) * Double(room)), room - 1)
        if middle > low, middle < high { cells[middle] = Cell(isASCII ? "+" : "┼", .whisker) }
      }
    }
    return paint(cells, references)
  }

  private func paint(
    _ cells: [Cell], _ references: [(place: Int, style: Chart.LineStyle)]
  ) -> String {
    var text = ""
    var index = 0
    while index < cells.count {
      if let reference = references.first(where: { $0.place == index }) {
        text += paint(reference.style == .solid ? solid : dashed, reference.style)
        index += 1
        continue
      }
      let kind = cells[index].kind
      var run = ""
      while index < cells.count, cells[index].kind == kind,
        !references.contains(where: { $0.place == index })
      {
        run.append(cells[index].mark)
        index += 1
      }
      text += kind == .bar ? ink.blue(run) : run
    }
    return text
  }

  private var solid: String { isASCII ? "!" : "┃" }
  private var dashed: String { isASCII ? ":" : "┊" }

  private func paint(_ mark: String, _ style: Chart.LineStyle) -> String {
    style == .solid ? ink.green(mark) : ink.yellow(mark)
  }

  /// The line below the bars, and its numbers.
  private func scale(_ axis: Axis, _ room: Int, indent: Int) -> [String] {
    var rule = Array(repeating: Character(isASCII ? "-" : "─"), count: room)
    var numbers = Array(repeating: Character(" "), count: room + 12)
    var free = 0
    for tick in axis.ticks {
      let place = min(Int(axis.place(tick) * Double(room)), room - 1)
      rule[place] = isASCII ? "+" : "┴"
      let text = axis.text(tick)
      let start = max(place - text.count / 2, 0)
      guard start >= free, start + text.count <= room + 8 else { continue }
      for (offset, character) in text.enumerated() { numbers[start + offset] = character }
      free = start + text.count + 1
    }
    let blank = String(repeating: " ", count: indent - 1)
    var below = String(numbers)
    while below.last == " " { below.removeLast() }
    return [
      ink.dim(blank + (isASCII ? "+" : "└") + String(rule)), ink.dim(blank + " " + below),
    ]
  }

  // MARK: Curves

  private func curves(_ chart: Chart) -> [String] {
    let (axis, over) = (chart.valueAxis, chart.overAxis)
    let height = 10
    let labels = axis.ticks.map { axis.text($0) }
    let names = labels.map(\.count).max() ?? 1
    let room = max(min(width - names - 3, 72), 10)
    var canvas = Canvas(columns: room, rows: height, isASCII: isASCII)
    for (index, curve) in chart.curves.enumerated() {
      let places = curve.thinned(to: room * 2).map { point in
        (x: over.place(point.x), y: 1 - axis.place(point.y))
      }
      if curve.isMarked {
        for place in places { canvas.mark(place, index) }
      } else {
        canvas.draw(places, index)
      }
    }
    var lines: [String] = []
    for row in 0..<height {
      // A tick stands in the row that its value falls into.
      let tick = axis.ticks.last { tick in
        min(Int((1 - axis.place(tick)) * Double(height)), height - 1) == row
      }
      let label = tick.map { axis.text($0) } ?? ""
      let edge = isASCII ? (tick == nil ? "|" : "+") : (tick == nil ? "│" : "┤")
      lines.append(
        ink.dim(String(repeating: " ", count: names - label.count) + label + " " + edge)
          + canvas.line(row) { hue($0, $1) })
    }
    lines += scale(over, room, indent: names + 2)
    let key = chart.curves.enumerated().map { index, curve in
      hue(canvas.sample(index, isMarked: curve.isMarked), index) + " " + curve.label.printable
    }
    let blank = String(repeating: " ", count: names + 2)
    lines.append(
      (blank + ink.dim(chart.over.printable) + "    " + key.joined(separator: "    ")))
    return lines
  }

  private func hue(_ text: String, _ index: Int) -> String {
    switch index % 4 {
    case 0: ink.blue(text)
    case 1: ink.yellow(text)
    case 2: ink.green(text)
    default: ink.magenta(text)
    }
  }
}

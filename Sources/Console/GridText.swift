import Language
import Session

extension Grid {
  /// Cells are not cut to less than this.
  private static let leastWidth = 8

  /// Without as many columns before the last as it takes to show the others; nil where all fit.
  private func narrowed(to width: Int) -> Grid? {
    guard columns.count > 2 else { return nil }
    let widths = columns.indices.map { column in
      min(
        ([columns[column]] + rows.map { column < $0.count ? $0[column] : "" })
          .map(\.displayWidth).max() ?? 0, Self.leastWidth)
    }
    var used = widths[0] + 2 + (widths.last ?? 0)
    var kept = 1
    for column in columns.indices.dropFirst().dropLast() {
      used += widths[column] + 2
      guard used <= width else { break }
      kept += 1
    }
    guard kept < columns.count - 1 else { return nil }
    return Grid(
      columns: columns.prefix(kept) + columns.suffix(1),
      rows: rows.map { row in
        row.count == columns.count ? row.prefix(kept) + row.suffix(1) : Array(row.prefix(kept + 1))
      })
  }

  /// Which columns hold numbers, shares included, and nothing else.
  var numericColumns: [Bool] {
    let count = ((columns.isEmpty ? [] : [columns]) + rows).map(\.count).max() ?? 0
    return (0..<count).map { column in
      // Labels stay where they begin.
      if column == 0, !columns.isEmpty { return false }
      let cells = rows.compactMap { column < $0.count ? $0[column].printable : nil }
        .filter { !$0.isEmpty }
      return !cells.isEmpty
        && cells.allSatisfy { Double($0.hasSuffix("%") ? String($0.dropLast()) : $0) != nil }
    }
  }

  /// The grid in aligned columns: numbers to the right, all else to the left, cut to the width or, in the last column of
  /// a grid that wraps, continued below.
  func lines(width: Int, ink: Ink) -> [String] {
    let header = columns.isEmpty ? [] : [columns]
    if let narrower = narrowed(to: width) {
      let names = columns[(narrower.columns.count - 1)..<(columns.count - 1)]
      return narrower.lines(width: width, ink: ink)
        + [ink.dim("not shown: \(names.joined(separator: ", "))".shortened(to: width))]
    }
    var all = (header + rows).map { row in row.map { $0.printable } }
    let count = all.map(\.count).max() ?? 0
    guard count > 0 else { return [] }
    func cell(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
    let isNumber = numericColumns
    var widths = (0..<count).map { column in
      all.map { cell($0, column).displayWidth }.max() ?? 0
    }
    // What does not fit is taken from the widest, from labels last: they tell rows apart.
    let gaps = 2 * (count - 1)
    while widths.reduce(0, +) + gaps > width {
      let others = widths.indices.dropFirst().filter { widths[$0] > Self.leastWidth }
      guard let place = others.max(by: { widths[$0] < widths[$1] }) ?? widths.indices.first,
        widths[place] > Self.leastWidth
      else { break }
      widths[place] -= 1
    }
    if wraps, let room = widths.last, room > 0 {
      var continued: [[String]] = []
      for row in all {
        let parts = cell(row, count - 1).wrapped(to: room)
        var head: [String] = (0..<(count - 1)).map { cell(row, $0) }
        for part in parts.isEmpty ? [""] : parts {
          continued.append(head + [part])
          head = [String](repeating: "", count: count - 1)
        }
      }
      all = continued
    }
    return all.enumerated().map { index, row in
      var line = ""
      for column in 0..<count {
        let text = cell(row, column).shortened(to: widths[column])
        let padding = String(repeating: " ", count: max(0, widths[column] - text.displayWidth))
        if column > 0 { line += "  " }
        line += isNumber[column] ? padding + text : text + padding
      }
      while line.last == " " { line.removeLast() }
      return index < header.count ? ink.dim(line) : line
    }
  }
}

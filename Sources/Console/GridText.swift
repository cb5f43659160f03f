import Language
import Session

extension Grid {
  /// Cells are not cut to less than this.
  private static let leastWidth = 8

  /// The parts that stand below each other where not all columns fit: each begins with the labels, and takes as many columns
  /// as there is room for. Numbers are never cut, texts to no less than the least width.
  private func stacked(in width: Int) -> [Grid]? {
    guard columns.count > 2 else { return nil }
    func widest(_ column: Int) -> Int {
      ([columns[column]] + rows.map { column < $0.count ? $0[column].printable : "" })
        .map(\.displayWidth).max() ?? 0
    }
    let isNumber = numericColumns
    let label = min(widest(0), max(Self.leastWidth, width / 3))
    var parts: [[Int]] = [[]]
    var used = label
    for column in columns.indices.dropFirst() {
      let needed = 2 + (isNumber[column] ? widest(column) : min(widest(column), Self.leastWidth))
      if used + needed > width, parts[parts.count - 1] != [] {
        parts.append([])
        used = label
      }
      parts[parts.count - 1].append(column)
      used += needed
    }
    guard parts.count > 1 else { return nil }
    return parts.map { part in
      Grid(
        columns: [columns[0]] + part.map { columns[$0] },
        rows: rows.map { row in
          ([0] + part).map { $0 < row.count ? row[$0] : "" }
        }, wraps: wraps && part.last == columns.count - 1)
    }
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
  /// a grid that wraps, continued below. Columns for which there is no room stand below, behind the labels.
  func lines(width: Int, ink: Ink) -> [String] {
    let header = columns.isEmpty ? [] : [columns]
    if let parts = stacked(in: width) {
      return Array(parts.map { $0.lines(width: width, ink: ink) }.joined(separator: [""]))
    }
    var all = (header + rows).map { row in row.map { $0.printable } }
    let count = all.map(\.count).max() ?? 0
    guard count > 0 else { return [] }
    func cell(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
    let isNumber = numericColumns
    var widths = (0..<count).map { column in
      all.map { cell($0, column).displayWidth }.max() ?? 0
    }
    // What does not fit is taken from the widest text, then from labels, which tell rows apart; from numbers last.
    let gaps = 2 * (count - 1)
    while widths.reduce(0, +) + gaps > width {
      let wide = widths.indices.filter { widths[$0] > Self.leastWidth }
      guard
        let place = wide.filter({ $0 > 0 && !isNumber[$0] }).max(by: { widths[$0] < widths[$1] })
          ?? wide.max(by: { $0 != 0 && ($1 == 0 || widths[$0] < widths[$1]) })
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

import JSON
import Language
import Runtime
import Session

/// Draws reports and tables for people.
struct ReportText {
  var width: Int
  var ink: Ink
  /// Whether charts are drawn in ASCII.
  var isASCII = false
  /// Whether sentences are broken between words: where the width is a terminal's.
  var wraps = false

  /// A head line, what the verb shows, and its notes. In a branch, where many follow each other, the head line with the
  /// number, or the first line of text, and warnings.
  func text(_ report: Report) -> String {
    if report.label != nil, report.model != nil { return brief(report) }
    let parts = parts(report)
    var lines = parts.head == nil ? [] : head(report)
    for part in parts.display {
      switch part {
      case .text(let text):
        lines += text.split(separator: "\n", omittingEmptySubsequences: false)
          .flatMap { broken($0.printable) }
      case .grid(let grid): lines += grid.lines(width: width, ink: ink)
      case .chart(let chart):
        lines += ChartText(width: width, ink: ink, isASCII: isASCII).lines(chart)
      }
    }
    for note in report.notes {
      lines += broken("note: " + note.printable).map { ink.yellow($0) }
    }
    return lines.joined(separator: "\n")
  }

  /// A sentence in rows of the width; what is aligned by blanks stays as it is.
  private func broken(_ line: String) -> [String] {
    guard wraps, line.displayWidth > width, !line.contains("  ") else { return [line] }
    return line.wrapped(to: max(width, 20))
  }

  private func brief(_ report: Report) -> String {
    let value = report.headline == nil ? report.value.map { " " + Words.number($0) } ?? "" : ""
    // A note of one word (`cached`) has its place behind the others.
    let words = report.notes.filter { !$0.contains(" ") }
    var lines = head(report, value, words.map(\.printable))
    if value.isEmpty {
      let texts = report.display.lazy.compactMap { part -> String? in
        if case .text(let text) = part { return text }
        return nil
      }
      lines += (texts.first?.split(separator: "\n").first).map { broken($0.printable) } ?? []
    }
    for note in report.notes where note.contains(" ") && !note.hasPrefix("defaults of ") {
      lines += broken(note.printable).map { ink.yellow($0) }
    }
    return lines.joined(separator: "\n")
  }

  /// What all rows share, then the rows.
  func text(_ table: Table) -> String {
    let parts = split(table)
    var lines = table.model.map { [ink.dim($0.printable)] } ?? []
    for (name, value) in parts.shared {
      lines += broken("\(name): \(value)".printable).map { ink.dim($0) }
    }
    lines += parts.grid.lines(width: width, ink: ink)
    return lines.joined(separator: "\n")
  }

  /// The cells that tell rows apart, the headline under its verb's name, and what is the same in every row.
  func split(_ table: Table) -> (grid: Grid, shared: [(String, String)]) {
    let (columns, cells) = (table.columns, table.cells)
    var shown: [Int] = []
    var shared: [(String, String)] = []
    for column in columns.indices {
      let values = cells.map { $0[column] }
      let isKey = ["label", "value", "model", "seconds"].contains(columns[column])
      if !isKey, cells.count > 1, let first = values.first, values.allSatisfy({ $0 == first }) {
        shared.append((columns[column], text(of: [first], name: columns[column])[0]))
      } else if column == 0 || values.contains(where: { !$0.isNull && $0 != "" }) {
        shown.append(column)
      }
    }
    let texts = shown.map { column in
      text(of: cells.map { row in row[column] }, name: columns[column])
    }
    let grid = Grid(
      columns: shown.map { columns[$0] == "value" ? table.verb ?? "value" : columns[$0] },
      rows: cells.indices.map { row in texts.map { $0[row] } })
    return (grid, shared)
  }

  /// The cells of a column: numbers with the digits that suit them all, sizes with their unit.
  private func text(of column: [JSON], name: String) -> [String] {
    let numbers = column.compactMap(\.doubleValue)
    guard numbers.count == column.count(where: { !$0.isNull }), !numbers.isEmpty else {
      return column.map(\.cell)
    }
    var texts: [String]
    switch name {
    case "seconds", "alone": texts = numbers.map { Words.decimals($0, 2) }
    case _ where name == "bytes" || name.hasSuffix("_bytes"):
      texts = numbers.map { Words.bytes($0) }
    default: texts = Words.column(numbers)
    }
    return column.map { $0.isNull ? "" : texts.removeFirst() }
  }

  /// What stands behind the verb in a report's first line, which texts that speak for themselves lack, and what follows.
  func parts(_ report: Report) -> (head: String?, display: [Display]) {
    let display = report.display.isEmpty ? facts(report) : report.display
    let hasHead = report.model != nil || report.display.isEmpty
    return (hasHead ? rest(report).joined(separator: "  ") : nil, display)
  }

  /// Of which model, how long it took, in which pack.
  private func rest(_ report: Report) -> [String] {
    guard let model = report.model else { return [] }
    let time =
      report.cachedSeconds.map { "cached (took \(Words.seconds($0)))" }
      ?? Words.seconds(report.seconds)
    return [model.printable, time, report.pack?.printable].compactMap { $0 }
  }

  /// `q → ft: ppl  phi → gptq w4 g128  0.82 s  demo`; what does not fit goes on below.
  private func head(_ report: Report, _ value: String = "", _ more: [String] = []) -> [String] {
    let label = report.label?.printable
    var used = ((label.map { $0 + ": " } ?? "") + report.verb + value).displayWidth
    var lines = [(label.map { ink.green($0) + ": " } ?? "") + ink.bold(report.verb) + value]
    for part in rest(report) + more {
      // A lineage that is longer than the line breaks where anything does: between its words.
      for (index, row) in (wraps ? part.wrapped(to: max(width - 2, 20)) : [part]).enumerated() {
        let fits = used + 2 + row.displayWidth <= width
        if !wraps || index == 0 && fits {
          lines[lines.count - 1] += "  " + ink.dim(row)
          used += 2 + row.displayWidth
        } else {
          lines.append("  " + ink.dim(row))
          used = 2 + row.displayWidth
        }
      }
    }
    return lines
  }

  private func facts(_ report: Report) -> [Display] {
    var rows: [[String]] = []
    if let value = report.value { rows.append(["  value", Words.number(value)]) }
    for (key, value) in report.fields {
      switch value {
      case .array(let list): rows.append(["  " + key, "\(list.count) values"])
      case .object(let object): rows.append(["  " + key, "\(object.count) fields"])
      default: rows.append(["  " + key, value.cell])
      }
    }
    // Left-aligned: the values are of different kinds.
    let keys = rows.map { $0[0].displayWidth }.max() ?? 0
    return rows.map { row in
      .text(row[0] + String(repeating: " ", count: keys - row[0].displayWidth + 2) + row[1])
    }
  }
}

/// Reports as other programs' tables.
enum TableFormat {
  /// `label`, the verb, and every scalar: one row.
  static func grid(_ report: Report) -> Grid {
    guard case .object(let object) = report.json else { return Grid(rows: []) }
    let scalars = object.filter { member in
      switch member.value {
      case .array, .object: false
      default: true
      }
    }
    return Grid(columns: scalars.map(\.key), rows: [scalars.map { $0.value.shortText }])
  }

  static func grid(_ table: Table) -> Grid {
    Grid(columns: table.columns, rows: table.cells.map { $0.map(\.shortText) })
  }

  static func markdown(_ grid: Grid) -> String {
    func line(_ cells: [String]) -> String {
      "| "
        + cells.map { cell in
          cell.replacing("|", with: "\\|").replacing("\n", with: "<br>").printable
        }.joined(separator: " | ") + " |"
    }
    let rule = "|" + String(repeating: " --- |", count: grid.columns.count)
    return ([line(grid.columns), rule] + grid.rows.map(line)).joined(separator: "\n")
  }

  /// RFC 4180, with line feeds.
  static func csv(_ grid: Grid) -> String {
    func line(_ cells: [String]) -> String {
      cells.map { cell in
        cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
          ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
      }.joined(separator: ",")
    }
    return ([grid.columns] + grid.rows).map(line).joined(separator: "\n")
  }
}

extension JSON {
  /// A scalar in a cell.
  fileprivate var cell: String {
    if case .number(let number) = self { return Words.number(number) }
    return shortText
  }
}

import Language
import Session

/// One thing that a cell showed, as HTML.
struct PageItem {
  let source: Source

  func html(_ item: PageRecorder.Item) -> String {
    switch item {
    case .report(let report): html(report)
    case .table(let table): html(table)
    case .value(let value): "<p class=\"value\">\(lines(value.text))</p>"
    case .text(let text): "<pre class=\"written\">\(text.lineByLine.escapedForHTML)</pre>"
    case .diagnostic(let diagnostic): html(diagnostic)
    }
  }

  private func lines(_ text: String) -> String {
    text.lineByLine.escapedForHTML.replacing("\n", with: "<br>")
  }

  private func html(_ report: Report) -> String {
    let parts = ReportText(width: 200, ink: Ink(isOn: false)).parts(report)
    var body = parts.display.map { part in
      switch part {
      case .text(let text): "<p>\(lines(text))</p>"
      case .grid(let grid): html(grid)
      case .chart(let chart): "<div class=\"chart\">\(chart.svg())</div>"
      }
    }
    body += report.notes.map { "<p class=\"note\">\(lines($0))</p>" }
    let content = body.joined(separator: "\n")
    guard let head = parts.head else { return "<article class=\"report\">\(content)</article>" }
    let title =
      "<b>\(report.verb.escapedForHTML)</b> <span class=\"dim\">\(head.escapedForHTML)</span>"
    // What an arm did on its way is there for who asks; its result stands in the table of the arms.
    guard let label = report.label else {
      return "<article class=\"report\"><header>\(title)</header>\n\(content)</article>"
    }
    return
      "<details class=\"report\"><summary><span class=\"arm\">\(label.escapedForHTML)</span> \(title)</summary>\n\(content)</details>"
  }

  private func html(_ table: Table) -> String {
    let parts = ReportText(width: 200, ink: Ink(isOn: false)).split(table)
    var facts = table.model.map { [$0] } ?? []
    facts += parts.shared.map { "\($0.0): \($0.1)" }
    let head = facts.map { "<p class=\"dim\">\(lines($0))</p>" }.joined(separator: "\n")
    return "<article class=\"report\">\(head)\n\(html(parts.grid))</article>"
  }

  private func html(_ grid: Grid) -> String {
    let isNumber = grid.numericColumns
    func cell(_ tag: String, _ text: String, _ column: Int) -> String {
      let kind = column < isNumber.count && isNumber[column] ? " class=\"number\"" : ""
      return "<\(tag)\(kind)>\(lines(text))</\(tag)>"
    }
    func row(_ tag: String, _ cells: [String]) -> String {
      "<tr>" + cells.enumerated().map { cell(tag, $1, $0) }.joined() + "</tr>"
    }
    let head = grid.columns.isEmpty ? "" : "<thead>\(row("th", grid.columns))</thead>"
    let body = grid.rows.map { row("td", $0) }.joined(separator: "\n")
    return "<div class=\"scroll\"><table>\(head)<tbody>\(body)</tbody></table></div>"
  }

  private func html(_ diagnostic: Diagnostic) -> String {
    let text = diagnostic.rendered(
      DiagnosticStyle(place: diagnostic.source !== source && diagnostic.source != nil, width: 100))
    return "<pre class=\"\(diagnostic.severity.rawValue)\">\(text.escapedForHTML)</pre>"
  }
}

/// The lines of a formatted script while they are made.
struct FormattedLines {
  private struct Line {
    var level: Int
    var text = ""
    /// Whether a blank line stands before it.
    var isApart: Bool
    /// Where the line's last statement begins, in bytes.
    var statement = 0
    /// Where the label that the line begins with ends, and whose block's arm it names.
    var label: (end: Int, block: Int)?

    var isLabelled: Bool { label.map { $0.end < text.utf8.count } ?? false }

    /// The text up to the label's end, and the rest.
    func parts(_ end: Int) -> (head: String, rest: String) {
      let bytes = text.utf8
      return (
        String(decoding: bytes.prefix(end), as: UTF8.self),
        String(decoding: bytes.dropFirst(end), as: UTF8.self)
      )
    }

    func column(_ end: Int) -> Int { 2 * level + parts(end).head.displayWidth }
  }

  private var lines: [Line] = []

  var isEmpty: Bool { lines.isEmpty }

  /// Of the current line.
  var level: Int { lines.last?.level ?? 0 }

  mutating func start(level: Int, isApart: Bool) {
    lines.append(Line(level: level, isApart: isApart && !lines.isEmpty))
  }

  mutating func append(_ text: String) {
    if lines.isEmpty { start(level: 0, isApart: false) }
    lines[lines.count - 1].text += text
  }

  mutating func markStatement() {
    guard let last = lines.indices.last else { return }
    lines[last].statement = lines[last].text.utf8.count
  }

  /// A label ends here. It is aligned if nothing but its block's `{` stands before it.
  mutating func markLabel(block: Int) {
    guard let last = lines.indices.last, lines[last].label == nil else { return }
    let line = lines[last]
    guard line.statement == 0 || line.statement == 2 && line.text.hasPrefix("{ ") else { return }
    lines[last].label = (line.text.utf8.count, block)
  }

  /// The whole text, with a line end at its end where there is any.
  var text: String {
    var result = ""
    var first = 0
    while first < lines.count {
      let width = groupWidth(from: first)
      for line in lines[first..<(first + width.count)] {
        if line.isApart { result += "\n" }
        result += String(repeating: "  ", count: line.level)
        if let label = line.label, line.isLabelled, width.column > 0 {
          let (head, rest) = line.parts(label.end)
          result += head
          result += String(repeating: " ", count: width.column - line.column(label.end)) + rest
        } else {
          result += line.text
        }
        result += "\n"
      }
      first += width.count
    }
    return result
  }

  /// How many lines from one on hold arms of one block, and the column behind the widest of their labels.
  private func groupWidth(from first: Int) -> (count: Int, column: Int) {
    guard lines[first].isLabelled, let block = lines[first].label?.block else { return (1, 0) }
    var column = 0
    var count = 0
    for line in lines[first...] {
      guard let label = line.label, line.isLabelled, label.block == block,
        count == 0 || !line.isApart
      else { break }
      column = max(column, line.column(label.end))
      count += 1
    }
    return (count, column)
  }
}

/// A cell's marker and, of a text cell, the comment lines below it.
struct CellText {
  var text: String

  init(_ text: String) { self.text = text }

  /// Trailing blanks removed, the marker as `# %%`.
  var canonical: String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var scalars = line.unicodeScalars[...]
      while let last = scalars.last, last == " " || last == "\t" || last == "\r" {
        scalars.removeLast()
      }
      return String(Substring(scalars))
    }
    if let first = lines.first {
      let rest = first.drop { $0 != "%" }.dropFirst(2).drop { $0 == " " || $0 == "\t" }
      lines[0] = rest.isEmpty ? "# %%" : "# %% \(rest)"
    }
    return lines.joined(separator: "\n")
  }
}

import Language
import Session

/// What a completion offers, below the line that is edited.
struct CompletionList {
  var width: Int
  /// Rows of the terminal.
  var height: Int
  var ink: Ink

  /// Columns below which a hint says nothing.
  private static let shortestHint = 16

  func lines(_ completion: Completion) -> [String] {
    let candidates = completion.candidates
    if candidates.isEmpty {
      return completion.note.map { [ink.dim($0.printable.shortened(to: width))] } ?? []
    }
    let room = max(height - 3, 4)
    let names = candidates.map { ($0.text + ($0.ending == "=" ? "=" : "")).printable }
    let widest = min(names.map(\.displayWidth).max() ?? 0, max(width / 2, 10))
    // In as many columns as the terminal has too few rows for, while a hint finds room beside each name.
    let side = (candidates.count + room - 1) / room
    let share = (width + 2) / side - 2
    if side == 1 || share >= widest + 2 + Self.shortestHint {
      let rows = (candidates.count + side - 1) / side
      return (0..<rows).map { row in
        var line = ""
        var taken = 0
        for place in stride(from: row, to: candidates.count, by: rows) {
          line += String(repeating: " ", count: place / rows * (share + 2) - taken)
          let shown = names[place].shortened(to: widest)
          let hint = candidates[place].hint.printable.shortened(to: max(share - widest - 3, 0))
          let padding = String(repeating: " ", count: widest - shown.displayWidth + 2)
          line += shown + (hint.isEmpty ? "" : padding + ink.dim(hint))
          taken =
            place / rows * (share + 2) + shown.displayWidth
            + (hint.isEmpty ? 0 : padding.count + hint.displayWidth)
        }
        return line
      }
    }
    // Too many for that: names alone, downwards.
    let columns = max(width / (widest + 2), 1)
    let rows = min((names.count + columns - 1) / columns, room)
    var lines = (0..<rows).map { row in
      var line = ""
      for column in 0..<columns where column * rows + row < names.count {
        let shown = names[column * rows + row].shortened(to: widest)
        line += shown + String(repeating: " ", count: widest - shown.displayWidth + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    if names.count > rows * columns {
      lines.append(ink.dim("… \(names.count - rows * columns) more"))
    }
    return lines
  }
}

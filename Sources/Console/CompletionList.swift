import Language
import Session

/// What a completion offers, below the line that is edited.
struct CompletionList {
  var width: Int
  /// Rows of the terminal.
  var height: Int
  var ink: Ink

  func lines(_ completion: Completion) -> [String] {
    let candidates = completion.candidates
    if candidates.isEmpty {
      return completion.note.map { [ink.dim($0.printable.shortened(to: width))] } ?? []
    }
    let room = max(height - 3, 4)
    let names = candidates.map { ($0.text + ($0.ending == "=" ? "=" : "")).printable }
    let widest = min(names.map(\.displayWidth).max() ?? 0, max(width / 2, 10))
    if candidates.count <= room {
      return zip(names, candidates).map { name, candidate in
        let shown = name.shortened(to: widest)
        let hint = candidate.hint.printable.shortened(to: max(width - widest - 3, 0))
        let padding = String(repeating: " ", count: widest - shown.displayWidth + 2)
        return shown + (hint.isEmpty ? "" : padding + ink.dim(hint))
      }
    }
    // Too many for a line each: in columns, downwards, without hints.
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

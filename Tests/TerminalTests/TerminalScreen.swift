import Language

/// What a terminal shows: enough of one (`TERM=xterm`) to read what programs draw, of a fixed number of columns and
/// with all lines that ever scrolled away.
struct TerminalScreen {
  private(set) var columns: Int
  private var rows: [[Character]] = [[]]
  private var row = 0
  private var column = 0
  /// Behind the last column: the next character begins a new row.
  private var isWrapping = false
  private var inserts = false
  /// The second cell of a wide character.
  private static let continuation: Character = "\u{0}"

  private enum State {
    case text, escape, string
    case sequence(String)
  }
  private var state = State.text
  private var pending: [UInt8] = []

  init(columns: Int) { self.columns = columns }

  /// Lines without the blanks at their ends.
  var lines: [String] {
    rows.map { row in
      var text = String(row.filter { $0 != Self.continuation })
      while text.last == " " { text.removeLast() }
      return text
    }
  }

  /// The line that the cursor stands in, up to it.
  var cursorLine: String {
    String(rows[row].prefix(column).filter { $0 != Self.continuation })
  }

  mutating func resize(columns: Int) { self.columns = columns }

  mutating func write(_ bytes: some Sequence<UInt8>) {
    pending += bytes
    // A character that has not come as a whole waits.
    var whole = pending.count
    if let last = pending.lastIndex(where: { $0 & 0xC0 != 0x80 }) {
      let first = pending[last]
      let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
      if pending.count - last < length { whole = last }
    }
    let text = String(decoding: pending[..<whole], as: UTF8.self)
    pending.removeFirst(whole)
    for scalar in text.unicodeScalars { write(scalar) }
  }

  private mutating func write(_ scalar: Unicode.Scalar) {
    switch state {
    case .escape:
      state = scalar == "[" ? .sequence("") : scalar == "]" ? .string : .text
    case .string:
      if scalar == "\u{7}" { state = .text }
    case .sequence(let text):
      if (0x40...0x7E).contains(scalar.value) {
        state = .text
        control(text, scalar)
      } else {
        state = .sequence(text + String(Character(scalar)))
      }
    case .text:
      switch scalar {
      case "\u{1B}": state = .escape
      case "\r":
        column = 0
        isWrapping = false
      case "\n": lineFeed()
      case "\u{8}":
        column = max(column - 1, 0)
        isWrapping = false
      case "\t": put(" ")
      case _ where scalar.value < 0x20: break
      default: put(Character(scalar))
      }
    }
  }

  private mutating func lineFeed() {
    row += 1
    if row == rows.count { rows.append([]) }
    isWrapping = false
  }

  private mutating func put(_ character: Character) {
    let width = character.displayWidth
    if width == 0 { return }
    if isWrapping || column + width > columns {
      lineFeed()
      column = 0
    }
    fill(to: column)
    var cells = [character]
    if width == 2 { cells.append(Self.continuation) }
    let end = inserts ? column : min(column + width, rows[row].count)
    rows[row].replaceSubrange(column..<end, with: cells)
    if rows[row].count > columns { rows[row].removeLast(rows[row].count - columns) }
    column += width
    if column >= columns {
      column = columns - 1
      isWrapping = true
    }
  }

  private mutating func fill(to end: Int) {
    while rows[row].count < end { rows[row].append(" ") }
  }

  private mutating func control(_ text: String, _ final: Unicode.Scalar) {
    guard text.first != "?" else { return }
    let count = max(Int(text.split(separator: ";").first ?? "") ?? 1, 1)
    switch final {
    case "A": row = max(row - count, 0)
    case "B": for _ in 0..<count where row < rows.count - 1 { row += 1 }
    case "C": column = min(column + count, columns - 1)
    case "D": column = max(column - count, 0)
    case "G": column = min(count, columns) - 1
    case "H":
      // The programs that are tested go home only to clear.
      row = rows.count - 1
      column = 0
    case "J":
      if text == "2" {
        rows.append([])
        row = rows.count - 1
      } else {
        rows.removeLast(rows.count - row - 1)
        if rows[row].count > column { rows[row].removeLast(rows[row].count - column) }
      }
    case "K":
      if text == "2" {
        rows[row] = []
      } else if rows[row].count > column {
        rows[row].removeLast(rows[row].count - column)
      }
    case "P":
      let end = min(column + count, rows[row].count)
      if column < end { rows[row].removeSubrange(column..<end) }
    case "@":
      fill(to: column)
      rows[row].insert(contentsOf: Array(repeating: " ", count: count), at: column)
    case "h": if text == "4" { inserts = true }
    case "l": if text == "4" { inserts = false }
    default: return
    }
    isWrapping = false
  }
}

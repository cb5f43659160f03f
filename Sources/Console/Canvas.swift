/// A field of character cells that curves are drawn into, eight dots a cell in Unicode (Braille patterns).
struct Canvas {
  let columns: Int
  let rows: Int
  let isASCII: Bool
  private var dots: [UInt8]
  private var marks: [Character?]
  /// The curve that a cell shows; of several the last.
  private var owners: [Int?]

  init(columns: Int, rows: Int, isASCII: Bool) {
    self.columns = columns
    self.rows = rows
    self.isASCII = isASCII
    dots = Array(repeating: 0, count: columns * rows)
    marks = Array(repeating: nil, count: columns * rows)
    owners = Array(repeating: nil, count: columns * rows)
  }

  /// Draws the lines between places from 0 to 1, rightwards and downwards.
  mutating func draw(_ places: [(x: Double, y: Double)], _ owner: Int) {
    let (width, height) = (columns * 2, rows * 4)
    func dot(_ place: (x: Double, y: Double)) -> (Int, Int) {
      (
        min(max(Int(place.x * Double(width)), 0), width - 1),
        min(max(Int(place.y * Double(height)), 0), height - 1)
      )
    }
    var before: (Int, Int)?
    for place in places {
      let (x, y) = dot(place)
      let (fromX, fromY) = before ?? (x, y)
      let steps = max(abs(x - fromX), abs(y - fromY))
      for step in 0...steps {
        let share = steps == 0 ? 1 : Double(step) / Double(steps)
        set(
          fromX + Int((Double(x - fromX) * share).rounded()),
          fromY + Int((Double(y - fromY) * share).rounded()), owner)
      }
      before = (x, y)
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ owner: Int) {
    let cell = (y / 4) * columns + x / 2
    // The patterns' bits: 1, 2, 3, 7 down the left side and 4, 5, 6, 8 down the right.
    let bits: [UInt8] = x % 2 == 0 ? [0x01, 0x02, 0x04, 0x40] : [0x08, 0x10, 0x20, 0x80]
    dots[cell] |= bits[y % 4]
    owners[cell] = owner
  }

  /// Puts a mark at a place.
  mutating func mark(_ place: (x: Double, y: Double), _ owner: Int) {
    let x = min(max(Int(place.x * Double(columns)), 0), columns - 1)
    let y = min(max(Int(place.y * Double(rows)), 0), rows - 1)
    marks[y * columns + x] = symbol(owner)
    owners[y * columns + x] = owner
  }

  private func symbol(_ owner: Int) -> Character {
    let symbols: [Character] = isASCII ? ["*", "o", "x", "+"] : ["●", "◆", "▲", "■"]
    return symbols[owner % symbols.count]
  }

  /// What stands for a curve in the key.
  func sample(_ owner: Int, isMarked: Bool) -> String {
    isMarked ? String(symbol(owner)) : isASCII ? "..." : "⣀⠤⠒"
  }

  /// A row, each run of one curve painted.
  func line(_ row: Int, paint: (String, Int) -> String) -> String {
    var text = ""
    var run = ""
    var owner: Int?
    func end() { text += owner.map { paint(run, $0) } ?? run }
    for cell in (row * columns)..<((row + 1) * columns) {
      if owners[cell] != owner {
        end()
        run = ""
        owner = owners[cell]
      }
      run.append(character(cell))
    }
    end()
    while text.last == " " { text.removeLast() }
    return text
  }

  private func character(_ cell: Int) -> Character {
    if let mark = marks[cell] { return mark }
    guard dots[cell] != 0 else { return " " }
    if isASCII { return "." }
    return Unicode.Scalar(0x2800 + UInt32(dots[cell])).map(Character.init) ?? " "
  }
}

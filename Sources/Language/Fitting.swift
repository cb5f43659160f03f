extension StringProtocol {
  /// The text in at most so many columns of a terminal, with `…` where it was longer.
  public func shortened(to width: Int) -> String {
    guard displayWidth > width else { return String(self) }
    guard width > 0 else { return "" }
    var used = 0
    let head = prefix { character in
      used += character.displayWidth
      return used <= width - 1
    }
    return head + "…"
  }

  /// The text in at most so many columns, with `…` in place of its middle where it was longer: beginnings and ends tell
  /// layers' names apart.
  public func shortenedInside(to width: Int) -> String {
    guard displayWidth > width else { return String(self) }
    guard width > 2 else { return shortened(to: width) }
    let head = shortened(to: (width + 1) / 2)
    var room = width - head.displayWidth
    let tail = reversed().prefix { character in
      room -= character.displayWidth
      return room >= 0
    }
    return head + String(tail.reversed())
  }

  /// The words in rows of at most so many columns; what is left after the last row is cut off with `…`.
  public func wrapped(to width: Int, rows limit: Int = .max) -> [String] {
    var rows: [String] = []
    var row = ""
    for word in split(whereSeparator: \.isWhitespace) {
      if row.isEmpty {
        row = String(word)
      } else if row.displayWidth + 1 + word.displayWidth <= width || rows.count == limit - 1 {
        row += " " + word
      } else {
        rows.append(row)
        row = String(word)
      }
    }
    if !row.isEmpty { rows.append(row) }
    return rows.map { $0.shortened(to: width) }
  }
}

extension Lexer {
  /// Reads a quoted string with its escapes and `$name`s. One that lacks its closing quote ends with the line.
  mutating func string() -> Text {
    let start = place
    place += 1
    var segments: [Text.Segment] = []
    var literal = String.UnicodeScalarView()
    func flush() {
      if !literal.isEmpty { segments.append(.literal(String(literal))) }
      literal = String.UnicodeScalarView()
    }
    reading: while true {
      guard let (scalar, end) = scalar(at: place), scalar != "\n" else {
        report(
          "syntax.string.unclosed", "the string has no closing quote", start, place,
          help: "a string ends on its line; `\\n` stands for a new line")
        break
      }
      switch scalar {
      case "\"":
        place = end
        break reading
      case "\\":
        if let escaped = escape() { literal.append(escaped) }
      case "$" where nameEnd(end) > end:
        flush()
        let last = nameEnd(end)
        segments.append(.variable(Name(source.string(end..<last), span: span(place, last))))
        place = last
      default:
        literal.append(scalar)
        place = end
      }
    }
    flush()
    return Text(segments: segments, span: span(start, place))
  }

  /// Reads an escape; reports and skips one that means nothing.
  private mutating func escape() -> Unicode.Scalar? {
    let start = place
    place += 1
    guard let (scalar, end) = scalar(at: place), scalar != "\n" else { return nil }
    place = end
    switch scalar {
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "\"", "\\", "$": return scalar
    case "u":
      var value: UInt32 = 0
      var digits = 0
      if place < bytes.count, bytes[place] == UInt8(ascii: "{") {
        var probe = place + 1
        while digits <= 6, let (next, after) = self.scalar(at: probe), next.isASCII,
          let digit = Character(next).hexDigitValue
        {
          value = value << 4 | UInt32(digit)
          digits += 1
          probe = after
        }
        if (1...6).contains(digits), probe < bytes.count, bytes[probe] == UInt8(ascii: "}"),
          let result = Unicode.Scalar(value)
        {
          place = probe + 1
          return result
        }
      }
      report(
        "syntax.string.escape", "`\\u` is not followed by a character's number", start, place,
        help: "for example `\\u{e9}` for é")
      return nil
    default:
      report(
        "syntax.string.escape", "unknown escape `\\\(Character(scalar))`", start, place,
        help: "a string knows `\\n`, `\\t`, `\\r`, `\\\"`, `\\\\`, `\\$` and `\\u{…}`")
      return nil
    }
  }
}

import JSON

/// Values as Python writes them, so that a template gives the text it gives in Python.
enum PythonText {
  /// Python's `str(value)`, except that a null is empty.
  static func str(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    default: repr(value)
    }
  }

  /// Python's `repr(value)`.
  static func repr(_ value: JSON) -> String {
    switch value {
    case .null: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .number(let value): repr(value)
    case .string(let text): repr(text)
    case .array(let elements): "[" + elements.map { repr($0) }.joined(separator: ", ") + "]"
    case .object(let object):
      "{" + object.map { "\(repr($0.key)): \(repr($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  /// The shortest digits that give the number back; with an exponent below 1e-4 and from 1e16 on.
  static func repr(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    // Swift's description has the same digits; only the rules for the exponent differ.
    let parts = "\(value.magnitude)".split(separator: "e")
    let number = parts[0].split(separator: ".")
    var digits = Array(number.joined().utf8)
    // The value is 0.DIGITS · 10^point.
    var point = number[0].utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
    while digits.count > 1, digits.first == UInt8(ascii: "0") {
      digits.removeFirst()
      point -= 1
    }
    let text = String(decoding: digits, as: UTF8.self)
    let sign = value < 0 ? "-" : ""
    if point > 16 || point < -3 {
      let exponent = point - 1
      let tail = text.dropFirst().isEmpty ? "" : "." + text.dropFirst()
      let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
      return "\(sign)\(text.prefix(1))\(tail)e\(exponent < 0 ? "-" : "+")\(size)"
    }
    if point <= 0 { return "\(sign)0.\(String(repeating: "0", count: -point))\(text)" }
    if point >= digits.count {
      return sign + text + String(repeating: "0", count: point - digits.count) + ".0"
    }
    return "\(sign)\(text.prefix(point)).\(text.dropFirst(point))"
  }

  /// The string in quotes: single ones, unless it holds those and no double ones.
  static func repr(_ text: String) -> String {
    let scalars = text.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var output = String(quote)
    for scalar in scalars {
      switch scalar {
      case quote, "\\": output += "\\\(scalar)"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case _ where isPrintable(scalar): output.unicodeScalars.append(scalar)
      default:
        let (mark, width) =
          scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        let digits = String(scalar.value, radix: 16)
        output += "\\\(mark)" + String(repeating: "0", count: width - digits.count) + digits
      }
    }
    output += String(quote)
    return output
  }

  /// Python's `str.isprintable`: neither a separator other than the space nor in one of the "other" categories.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }
}

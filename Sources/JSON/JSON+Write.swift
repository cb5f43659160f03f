extension JSON: CustomStringConvertible {
  /// The document on one line.
  public var description: String { text() }

  /// The document as text: on one line, or indented by two spaces a level.
  ///
  /// - Guarantee: parsing the text gives an equal value, except that NaN and infinities, which JSON cannot write,
  ///   become null.
  public func text(indented: Bool = false) -> String {
    var output = ""
    write(to: &output, indent: indented ? 0 : nil)
    return output
  }

  private func write(to output: inout String, indent: Int?) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .int(let value): output += String(value)
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSON.write(value, to: &output)
    case .array(let elements):
      JSON.write(elements, "[", "]", to: &output, indent: indent) { element, inner, output in
        element.write(to: &output, indent: inner)
      }
    case .object(let object):
      JSON.write(object.members, "{", "}", to: &output, indent: indent) { member, inner, output in
        JSON.write(member.key, to: &output)
        output += indent == nil ? ":" : ": "
        member.value.write(to: &output, indent: inner)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], _ open: String, _ close: String, to output: inout String, indent: Int?,
    each: (Element, Int?, inout String) -> Void
  ) {
    output += open
    for (place, element) in elements.enumerated() {
      if place > 0 { output += "," }
      if let indent { output += "\n" + String(repeating: " ", count: indent + 2) }
      each(element, indent.map { $0 + 2 }, &output)
    }
    if let indent, !elements.isEmpty { output += "\n" + String(repeating: " ", count: indent) }
    output += close
  }

  private static func write(_ string: String, to output: inout String) {
    let digits = Array("0123456789abcdef")
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case let control where control.value < 0x20 || control.value == 0x7F:
        output += "\\u00"
        output.append(digits[Int(control.value >> 4)])
        output.append(digits[Int(control.value & 15)])
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}

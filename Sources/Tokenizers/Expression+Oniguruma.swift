extension Expression {
  /// The expression in PCRE2's syntax, with Oniguruma's meaning (its Ruby syntax, over Unicode).
  ///
  /// PCRE2's `\s` has U+180E, which is no white space any more, and its `\w` lacks marks; `\h` means hexadecimal
  /// digits in the one and horizontal space in the other; `(?m)` is `(?s)`. What cannot be translated is refused.
  static func translated(_ pattern: String, at section: Section) throws -> String {
    let scalars = Array(pattern.unicodeScalars)
    var output = String.UnicodeScalarView()
    var inClass = false
    var classStart = 0
    var place = 0
    func peek(_ offset: Int) -> Unicode.Scalar? {
      place + offset < scalars.count ? scalars[place + offset] : nil
    }
    func refuse(_ what: String) -> TokenizerFailure {
      section.unsupported("regular expression construct", what, [])
    }
    while place < scalars.count {
      let scalar = scalars[place]
      if scalar == "\\" {
        guard let name = peek(1) else { throw section.invalid("the regular expression ends in \\") }
        place += 2
        if let members = members[name] {
          output.append(contentsOf: (inClass ? members : "[\(members)]").unicodeScalars)
        } else if let lower = complements[name], let members = members[lower] {
          // Inside a class the complement cannot be spelled out; PCRE2's own is nearly the same but for \H.
          if inClass, name == "H" { throw refuse("\\H in a class") }
          output.append(contentsOf: (inClass ? "\\\(name)" : "[^\(members)]").unicodeScalars)
        } else if name == "u" {
          let digits = scalars[place...].prefix(4)
          guard digits.count == 4, digits.allSatisfy({ Character($0).isHexDigit && $0.isASCII })
          else {
            throw section.invalid("\\u wants four hexadecimal digits")
          }
          output.append(contentsOf: "\\x{".unicodeScalars)
          output.append(contentsOf: digits)
          output.append("}")
          place += 4
        } else {
          output.append(scalar)
          output.append(name)
          // The braces of \p{L} and \x{…} are no interval.
          if peek(0) == "{" {
            while let inner = peek(0) {
              output.append(inner)
              place += 1
              if inner == "}" { break }
            }
          }
        }
        continue
      }
      if inClass {
        if scalar == "[" {
          guard peek(1) == ":" else { throw refuse("a class within a class") }
          while place < scalars.count, scalars[place] != "]" {
            output.append(scalars[place])
            place += 1
          }
          if place < scalars.count { output.append("]") }
          place += 1
          continue
        }
        if scalar == "&", peek(1) == "&" { throw refuse("&&") }
        if scalar == "]", place > classStart { inClass = false }
      } else if scalar == "[" {
        inClass = true
        classStart = place + (peek(1) == "^" ? 2 : 1)
      } else if scalar == "}", peek(1) == "+" {
        throw refuse("{n,m}+")
      } else if scalar == "(", peek(1) == "?" {
        output.append(contentsOf: "(?".unicodeScalars)
        place += 2
        while let option = peek(0), "imx-".unicodeScalars.contains(option) {
          output.append(option == "m" ? "s" : option)
          place += 1
        }
        continue
      }
      output.append(scalar)
      place += 1
    }
    return String(output)
  }

  /// The members of Oniguruma's character types, as they stand in a class.
  private static let members: [Unicode.Scalar: String] = [
    "s": #"\t-\r\x{85}\p{Z}"#,
    "w": #"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}"#,
    "h": "0-9a-fA-F",
  ]

  private static let complements: [Unicode.Scalar: Unicode.Scalar] = ["S": "s", "W": "w", "H": "h"]
}

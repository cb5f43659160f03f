/// Reading UTF-8 that is known to be valid: what a Swift string holds, and what the steps of a tokenizer make of it.
enum UTF8Text {
  /// How many bytes the sequence with this first byte has.
  @inline(__always)
  static func length(_ first: UInt8) -> Int {
    first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }

  /// The scalar that starts at `place`, and how many bytes it has.
  @inline(__always)
  static func scalar(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> (UInt32, Int) {
    let first = text[place]
    if first < 0x80 { return (UInt32(first), 1) }
    let length = length(first)
    guard place + length <= text.count else { return (0xFFFD, text.count - place) }
    var value = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
    for offset in 1..<length { value = value << 6 | UInt32(text[place + offset] & 0x3F) }
    return (value, length)
  }

  /// The scalar that ends just before `end`, and how many bytes it has.
  static func scalar(_ text: UnsafeBufferPointer<UInt8>, before end: Int) -> (UInt32, Int) {
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(text, at: start).0, end - start)
  }

  static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// Whether the scalar has the Unicode property White_Space.
  static func isSpace(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return scalar == 0x20 || (0x09...0x0D).contains(scalar) }
    return Unicode.Scalar(scalar)?.properties.isWhitespace ?? false
  }

  /// Whether the scalar is a word character in the sense of Unicode's regular expressions (UTS 18, annex C).
  static func isWord(_ scalar: UInt32) -> Bool {
    guard let properties = Unicode.Scalar(scalar)?.properties else { return false }
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return false
    }
  }

  /// Whether the scalar is a number of any kind (general categories Nd, Nl and No).
  static func isNumber(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return (0x30...0x39).contains(scalar) }
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: return true
    default: return false
    }
  }

  /// Moves the text that is final from `pending` to `output`: valid sequences as they are, and U+FFFD for every maximal
  /// ill-formed part (Unicode 15, table 3-8). A sequence that later bytes may complete stays, unless `ending`.
  static func repair(_ pending: inout [UInt8], into output: inout [UInt8], ending: Bool) {
    var place = 0
    while place < pending.count {
      let first = pending[place]
      let (length, low, high): (Int, UInt8, UInt8) =
        switch first {
        case 0x00...0x7F: (1, 0x80, 0xBF)
        case 0xC2...0xDF: (2, 0x80, 0xBF)
        case 0xE0: (3, 0xA0, 0xBF)
        case 0xED: (3, 0x80, 0x9F)
        case 0xE1...0xEF: (3, 0x80, 0xBF)
        case 0xF0: (4, 0x90, 0xBF)
        case 0xF1...0xF3: (4, 0x80, 0xBF)
        case 0xF4: (4, 0x80, 0x8F)
        default: (0, 0x80, 0xBF)
        }
      var known = min(1, length)
      while known > 0, known < length, place + known < pending.count {
        let byte = pending[place + known]
        guard known == 1 ? (low...high).contains(byte) : byte & 0xC0 == 0x80 else { break }
        known += 1
      }
      if known == length, length > 0 {
        output.append(contentsOf: pending[place..<place + length])
        place += length
      } else if length > 0, place + known == pending.count, !ending {
        break
      } else {
        output.append(contentsOf: UTF8.encodedReplacementCharacter)
        place += max(known, 1)
      }
    }
    pending.removeFirst(place)
  }

  /// Whether the bytes are well-formed UTF-8.
  static func isValid(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }
}

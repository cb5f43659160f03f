extension Number {
  private static let units: [String: (scale: Double, unit: Unit)] = [
    "": (1, .none), "%": (100, .percent),
    "k": (1e3, .none), "M": (1e6, .none), "G": (1e9, .none), "T": (1e12, .none),
    "Ki": (0x1p10, .none), "Mi": (0x1p20, .none), "Gi": (0x1p30, .none), "Ti": (0x1p40, .none),
    "B": (1, .bytes),
    "kB": (1e3, .bytes), "KB": (1e3, .bytes), "MB": (1e6, .bytes), "GB": (1e9, .bytes),
    "TB": (1e12, .bytes),
    "KiB": (0x1p10, .bytes), "MiB": (0x1p20, .bytes), "GiB": (0x1p30, .bytes),
    "TiB": (0x1p40, .bytes),
    "ms": (1000, .seconds), "s": (1, .seconds), "min": (60, .seconds), "h": (3600, .seconds),
  ]

  /// Reads `-1`, `0.5`, `2e-4`, `4Ki`, `5%`, `24GiB`, `30s`: the whole word, or it is no number.
  ///
  /// The value is infinite where the digits exceed what a double holds.
  public init?(word: String, span: Span = .nowhere) {
    // Most words are none.
    guard let first = word.utf8.first,
      (0x30...0x39).contains(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: ".")
    else { return nil }
    let bytes = Array(word.utf8)
    func digits(from start: Int) -> Int {
      var place = start
      while place < bytes.count, bytes[place] >= 0x30, bytes[place] <= 0x39 { place += 1 }
      return place
    }
    var place = bytes.first == UInt8(ascii: "-") ? 1 : 0
    let whole = digits(from: place)
    var hasDigits = whole > place
    place = whole
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      let fraction = digits(from: place + 1)
      if fraction > place + 1 {
        hasDigits = true
        place = fraction
      }
    }
    guard hasDigits else { return nil }
    if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
      var exponent = place + 1
      if exponent < bytes.count, bytes[exponent] == 0x2B || bytes[exponent] == 0x2D {
        exponent += 1
      }
      let end = digits(from: exponent)
      if end > exponent { place = end }
    }
    let suffix = String(decoding: bytes[place...], as: UTF8.self)
    guard let (scale, unit) = Self.units[suffix],
      let number = Double(String(decoding: bytes[..<place], as: UTF8.self))
    else { return nil }
    // Dividing by an exact scale rounds once; multiplying by 0.01 or 0.001 would round twice.
    let divides = suffix == "%" || suffix == "ms"
    self.init(
      value: divides ? number / scale : number * scale, unit: unit, text: word, span: span)
  }
}

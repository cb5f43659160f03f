// The standard library has the tables of Unicode's canonical normalization forms, and this is its door to them.
@_spi(_Unicode) import Swift

/// What happens to a text before it is split: the `normalizer` section of a tokenizer file.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case prepend([UInt8])
  case replace(Pattern, [UInt8])
  case composed, decomposed, lowercase, stripAccents, byteLevel
  case strip(left: Bool, right: Bool)

  static let supported = [
    "Sequence", "Prepend", "Replace", "NFC", "NFD", "Lowercase", "Strip", "StripAccents",
    "ByteLevel",
  ]

  init(_ section: Section) throws {
    let type = try section.required("type")
    switch try type.string() {
    case "Sequence":
      self = .sequence(try section.required("normalizers").elements().map { try Normalizer($0) })
    case "Prepend": self = .prepend(try section.bytes("prepend"))
    case "Replace":
      self = .replace(try Pattern(try section.required("pattern")), try section.bytes("content"))
    case "NFC": self = .composed
    case "NFD": self = .decomposed
    case "Lowercase": self = .lowercase
    case "StripAccents": self = .stripAccents
    case "ByteLevel": self = .byteLevel
    case "Strip":
      self = .strip(
        left: try section.flag("strip_left", otherwise: true),
        right: try section.flag("strip_right", otherwise: true))
    case let other: throw type.unsupported("normalizer", other, Normalizer.supported)
    }
  }

  func apply(_ text: [UInt8]) -> [UInt8] {
    switch self {
    case .sequence(let normalizers): return normalizers.reduce(text) { $1.apply($0) }
    case .prepend(let prefix): return text.isEmpty ? text : prefix + text
    case .replace(let pattern, let content): return pattern.replacing(text, with: content)
    case .composed:
      if text.allSatisfy({ $0 < 0x80 }) { return text }
      return Normalizer.bytes(of: String(decoding: text, as: UTF8.self)._nfc)
    case .decomposed:
      if text.allSatisfy({ $0 < 0x80 }) { return text }
      return Normalizer.bytes(of: String(decoding: text, as: UTF8.self)._nfd)
    case .lowercase:
      var output: [UInt8] = []
      for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
        output.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      }
      return output
    case .stripAccents:
      return Normalizer.bytes(
        of: String(decoding: text, as: UTF8.self).unicodeScalars.filter {
          switch $0.properties.generalCategory {
          case .nonspacingMark, .spacingMark, .enclosingMark: false
          default: true
          }
        })
    case .byteLevel:
      var output: [UInt8] = []
      text.withUnsafeBufferPointer { ByteAlphabet.write($0, to: &output) }
      return output
    case .strip(let left, let right):
      return text.withUnsafeBufferPointer { text in
        var (start, end) = (0, text.count)
        while left, start < end {
          let (scalar, length) = UTF8Text.scalar(text, at: start)
          guard UTF8Text.isSpace(scalar) else { break }
          start += length
        }
        while right, start < end {
          let (scalar, length) = UTF8Text.scalar(text, before: end)
          guard UTF8Text.isSpace(scalar) else { break }
          end -= length
        }
        return Array(text[start..<end])
      }
    }
  }

  private static func bytes(of scalars: some Sequence<Unicode.Scalar>) -> [UInt8] {
    var output: [UInt8] = []
    for scalar in scalars { UTF8Text.append(scalar, to: &output) }
    return output
  }
}

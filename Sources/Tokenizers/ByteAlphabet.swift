/// The alphabet in which byte-level BPE writes bytes: one visible character for each of the 256.
///
/// Printable bytes of Latin-1 stand for themselves; the others, in order, become U+0100 and up.
///
/// Paper: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (section 2.2).
enum ByteAlphabet {
  /// The scalar of each byte.
  static let scalars: [UInt16] = {
    var next: UInt16 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return UInt16(byte)
      default:
        next += 1
        return next - 1
      }
    }
  }()

  /// The byte of each scalar below `bytes.count`, or -1.
  static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// Appends `text`, byte for byte, in this alphabet.
  @inline(__always)
  static func write(_ text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
    for byte in text {
      let scalar = scalars[Int(byte)]
      if scalar < 0x80 {
        output.append(UInt8(truncatingIfNeeded: scalar))
      } else {
        output.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
        output.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
      }
    }
  }

  /// The bytes that `token` stands for, or nil where it has characters outside the alphabet.
  static func read(_ token: [UInt8]) -> [UInt8]? {
    token.withUnsafeBufferPointer { token in
      var output: [UInt8] = []
      output.reserveCapacity(token.count)
      var place = 0
      while place < token.count {
        let (scalar, length) = UTF8Text.scalar(token, at: place)
        guard scalar < bytes.count, bytes[Int(scalar)] >= 0 else { return nil }
        output.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
        place += length
      }
      return output
    }
  }
}

/// SHA-256 of bytes that arrive in pieces: names contents in caches and receipts.
///
/// Paper: NIST FIPS 180-4, section 6.2.
public struct SHA256: Sendable {
  private var state: SIMD8<UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var pending: [UInt8] = []
  private var length: UInt64 = 0

  public init() {}

  /// The hash of `bytes` as 64 hexadecimal digits.
  public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = rest.prefix(64 - pending.count)
      pending.append(contentsOf: taken)
      rest = rest.dropFirst(taken.count)
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { SHA256.absorb($0, into: &state) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = rest.count / 64 * 64
    SHA256.absorb(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), into: &state)
    pending.append(contentsOf: rest.dropFirst(whole))
  }

  /// Takes in a text's length and its UTF-8, so that neighbouring texts cannot run into each other.
  public mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { update($0) }
      update(UnsafeRawBufferPointer(bytes))
    }
  }

  /// The hash of everything taken in so far, as 64 hexadecimal digits.
  public func finish() -> String {
    var last = self
    var padding: [UInt8] = [0x80]
    let used = (pending.count + 1) % 64
    padding += Array(repeating: 0, count: used <= 56 ? 56 - used : 120 - used)
    withUnsafeBytes(of: (length &* 8).bigEndian) { padding.append(contentsOf: $0) }
    padding.withUnsafeBytes { last.update($0) }
    var text = ""
    for place in 0..<8 {
      let digits = String(last.state[place], radix: 16)
      text += String(repeating: "0", count: 8 - digits.count) + digits
    }
    return text
  }

  /// Takes in whole blocks of 64 bytes.
  private static func absorb(_ blocks: UnsafeRawBufferPointer, into state: inout SIMD8<UInt32>) {
    guard !blocks.isEmpty else { return }
    constants.withUnsafeBufferPointer { constants in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
        var start = 0
        while start < blocks.count {
          for place in 0..<16 {
            let word = blocks.loadUnaligned(fromByteOffset: start + place * 4, as: UInt32.self)
            words[place] = UInt32(bigEndian: word)
          }
          for place in 16..<64 {
            let near = words[place - 2]
            let far = words[place - 15]
            let small = turn(far, 7) ^ turn(far, 18) ^ (far &>> 3)
            let large = turn(near, 17) ^ turn(near, 19) ^ (near &>> 10)
            words[place] = words[place - 16] &+ small &+ words[place - 7] &+ large
          }
          var (a, b, c, d) = (state[0], state[1], state[2], state[3])
          var (e, f, g, h) = (state[4], state[5], state[6], state[7])
          for place in 0..<64 {
            let choice = (e & f) ^ (~e & g)
            let first =
              h &+ (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) &+ choice
              &+ constants[place] &+ words[place]
            let majority = (a & b) ^ (a & c) ^ (b & c)
            let second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) &+ majority
            (h, g, f, e) = (g, f, e, d &+ first)
            (d, c, b, a) = (c, b, a, first &+ second)
          }
          state = state &+ SIMD8(a, b, c, d, e, f, g, h)
          start += 64
        }
      }
    }
  }

  @inline(__always)
  private static func turn(_ word: UInt32, _ count: UInt32) -> UInt32 {
    (word &>> count) | (word &<< (32 &- count))
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]
}

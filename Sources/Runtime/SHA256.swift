import CNettle

/// SHA-256 of bytes that arrive in pieces: names contents in caches and receipts.
///
/// Paper: NIST FIPS 180-4, section 6.2.
public struct SHA256: Sendable {
  private var state = sha256_ctx()

  public init() { nettle_sha256_init(&state) }

  /// The hash of `bytes` as 64 hexadecimal digits.
  public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }

  /// The hash of a text's UTF-8 as 64 hexadecimal digits.
  public static func hex(_ text: String) -> String {
    var text = text
    return text.withUTF8 { hex(UnsafeRawBufferPointer($0)) }
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    nettle_sha256_update(&state, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
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
    var last = state
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_digest(&last, digest.count, &digest)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

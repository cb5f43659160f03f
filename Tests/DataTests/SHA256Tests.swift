import Runtime
import Testing

struct SHA256Tests {
  private func hash(_ text: String) -> String {
    var text = text
    return text.withUTF8 { SHA256.hex(UnsafeRawBufferPointer($0)) }
  }

  /// The examples of FIPS 180-4 and the empty text.
  @Test func published() {
    #expect(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      hash(String(repeating: "a", count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func piecesMakeTheWhole() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let whole = bytes.withUnsafeBytes { SHA256.hex($0) }
    for cut in [0, 1, 55, 56, 63, 64, 65, 128, 200, 300] {
      var hash = SHA256()
      bytes.withUnsafeBytes { all in
        hash.update(UnsafeRawBufferPointer(rebasing: all[..<cut]))
        hash.update(UnsafeRawBufferPointer(rebasing: all[cut...]))
      }
      #expect(hash.finish() == whole)
    }
  }
}

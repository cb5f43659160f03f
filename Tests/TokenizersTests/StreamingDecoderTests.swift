import TestSupport
import Testing

@testable import Tokenizers

struct StreamingDecoderTests {
  @Test(arguments: [1, 2, 3, 4])
  func whatComesOutIsTheDecodedText(seed: UInt64) throws {
    var random = TokenizerFixture.Random(state: seed)
    for tokenizer in [try TokenizerFixture.bytes.get(), try TokenizerFixture.characters.get()] {
      for skipSpecial in [false, true] {
        var decoder = tokenizer.decoder(skipSpecial: skipSpecial)
        for _ in 0..<60 {
          // Low ids are special tokens and bytes, so that broken characters are frequent.
          let ids = (0..<Int.random(in: 0..<30, using: &random)).map { _ in
            Int32.random(
              in: 0..<(Bool.random(using: &random) ? 260 : Int32(tokenizer.vocabularySize) + 3),
              using: &random)
          }
          var text = ids.map { decoder.append($0) }.joined()
          text += decoder.flush()
          #expect(text == tokenizer.decode(ids, skipSpecial: skipSpecial))
        }
      }
    }
  }

  @Test func noCharacterComesInHalves() throws {
    for tokenizer in [try TokenizerFixture.bytes.get(), try TokenizerFixture.characters.get()] {
      let text = "日本語 🙂 é"
      var decoder = tokenizer.decoder()
      var parts = tokenizer.encode(text).map { decoder.append($0) }
      parts.append(decoder.flush())
      #expect(parts.joined() == text)
      #expect(!parts.joined().contains("\u{FFFD}"))
      #expect(parts.filter { !$0.isEmpty }.count > 2, "text comes before the end")
    }
  }

  @Test func brokenCharactersAreReplaced() throws {
    let tokenizer = try TokenizerFixture.bytes.get()
    let ids = tokenizer.encode("🙂x")
    #expect(tokenizer.decode(ids.dropFirst(1)).hasSuffix("x"))
    #expect(tokenizer.decode(ids.dropFirst(1)).contains("\u{FFFD}"))
    var decoder = tokenizer.decoder()
    #expect(decoder.append(ids[0]) == "")
    #expect(decoder.flush() == "\u{FFFD}")
    #expect(decoder.flush() == "")
  }

  /// Unicode 15, tables 3-8 to 3-11.
  @Test func illFormedTextIsReplacedByMaximalParts() {
    let tables: [([UInt8], String)] = [
      ([0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41], "????????A"),
      ([0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41], "????????A"),
      ([0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41, 0x80, 0xBF, 0x42], "?????A??B"),
      ([0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], "????A"),
    ]
    for (bytes, expected) in tables {
      let expected = String(expected.map { $0 == "?" ? "\u{FFFD}" : $0 })
      var (pending, output) = (bytes, [UInt8]())
      UTF8Text.repair(&pending, into: &output, ending: true)
      #expect(String(decoding: output, as: UTF8.self) == expected)
      (pending, output) = ([], [])
      for byte in bytes {
        pending.append(byte)
        UTF8Text.repair(&pending, into: &output, ending: false)
      }
      #expect(pending.isEmpty)
      #expect(String(decoding: output, as: UTF8.self) == expected)
    }
  }
}

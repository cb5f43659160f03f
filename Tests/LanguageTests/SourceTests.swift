import Language
import Testing

struct SourceTests {
  @Test func linesAndColumns() {
    let source = Source(name: "a", text: "ab\r\né→x\n\nlast")
    #expect(source.lineCount == 4)
    #expect((1...4).map(source.lineText) == ["ab", "é→x", "", "last"])
    // é has two bytes, → three.
    #expect(source.line(at: 4) == 2)
    #expect(source.column(at: 4) == 1)
    #expect(source.column(at: 6) == 2)
    #expect(source.column(at: 9) == 3)
    #expect(source.line(at: 11) == 3)
    #expect(source.line(at: 12) == 4)
    #expect(source.column(at: 16) == 5)
    // Outside of the text: the nearest place, never a trap.
    #expect(source.line(at: -5) == 1)
    #expect(source.line(at: 99) == 4)
    #expect(source.column(at: 99) == 5)
    #expect(source.lineText(0) == "")
    #expect(source.lineText(5) == "")
    #expect(Source(name: "a", text: "").lineCount == 1)
  }

  @Test(
    arguments: [
      ([0x61, 0x62], nil), ([0x61, 0xFF, 0x62], 1), ([0x61, 0xC3], 1), ([0xE2, 0x86], 0),
      ([0x61, 0xED, 0xA0, 0x80], 1), ([0xEF, 0xBF, 0xBD], nil), ([0x61, 0xEF, 0xBF], 1),
    ] as [([UInt8], Int?)])
  func invalidBytes(_ bytes: [UInt8], _ place: Int?) {
    let source = Source(name: "a", bytes: bytes)
    #expect(source.invalidOffset == place)
    #expect(source.text == String(decoding: bytes, as: UTF8.self))
    let codes = parse(source).diagnostics.map(\.code)
    #expect(codes.contains("syntax.encoding") == (place != nil))
  }

  @Test func displayWidths() {
    #expect("abc".displayWidth == 3)
    #expect("é".displayWidth == 1)
    #expect("e\u{301}".displayWidth == 1)
    #expect("模型".displayWidth == 4)
    #expect("한글".displayWidth == 4)
    #expect("ｘ".displayWidth == 2)
    #expect("→".displayWidth == 1)
    #expect("🙂".displayWidth == 2)
    #expect("👩‍💻".displayWidth == 2)
    #expect("❤️".displayWidth == 2)
    for text in ["model.layers.3.qkv_proj", "模型模型模型模型", "a→👩‍💻b🙂模型", ""] {
      for width in 0...30 {
        let cut = text.shortenedInside(to: width)
        #expect(cut.displayWidth <= width && (text.displayWidth > width || cut == text))
      }
    }
    #expect("model.layers.3.qkv_proj".shortenedInside(to: 11) == "model…_proj")
  }
}

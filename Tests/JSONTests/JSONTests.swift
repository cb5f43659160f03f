import Runtime
import Testing

@testable import JSON

struct JSONTests {
  @Test func roundTrip() throws {
    let text = #"{"b":[1,-2.5,true,null,"x\n\"é😀"],"a":{"n":9007199254740993}}"#
    let value = try JSON.parse(text)
    #expect(value.text() == text)
    #expect(value["a"]?["n"]?.intValue == 9_007_199_254_740_993)
    #expect(value.objectValue?.keys == ["b", "a"])
    #expect(try JSON.parse(value.text(indented: true)) == value)
  }

  @Test(arguments: ["", "  ", "{", "[1,]", "{\"a\":1,}", "nul", "[1] x", "{\"a\" 1}"])
  func malformed(_ text: String) {
    #expect(throws: JSONFailure.self) { try JSON.parse(text) }
  }

  @Test func malformedNamesTheLine() {
    do {
      _ = try JSON.parse("{\n \"a\": 1,\n \"b\" 2\n}", path: "x.json")
      Issue.record("accepted")
    } catch let failure as JSONFailure {
      #expect(failure.line == 3)
      #expect(failure.message.hasPrefix("x.json:3:"))
    } catch { Issue.record(error) }
  }

  @Test func canonicallyEquivalentKeysDiffer() throws {
    let value = try JSON.parse("{\"\u{3AF}\": 1, \"\u{1F77}\": 2}")
    #expect(value.objectValue?.count == 2)
    #expect(value["\u{3AF}"] == 1)
    #expect(value["\u{1F77}"] == 2)
  }

  @Test func deepNestingIsRefused() {
    #expect(throws: JSONFailure.self) {
      try JSON.parse(String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000))
    }
  }

  @Test(arguments: [("3", JSON.int(3)), ("2.5", .number(2.5)), ("null", .null), ("\"a\"", "a")])
  func scalars(_ text: String, _ value: JSON) throws {
    #expect(try JSON.parse(text) == value)
  }

  /// A document that is read in pieces is the one that is read at once, wherever the pieces end, and so are its mistakes.
  @Test(arguments: [
    #"{"b":[1,-2.5e-3,true,false,null,"x\n\"\u00e9\ud83d\ude00é😀"],"a":{"n":9007199254740993}}"#,
    "[NaN, -Infinity, 12]  ", "3", "-17.25", "null", "[1, 2] x", "{\"a\" 1}", "[\"é\u{0}\"]",
    "[1, tru]",
    "[\"abc",
  ])
  func piecesMakeTheWhole(_ text: String) {
    func result(_ piece: Int) -> String {
      var text = text
      do {
        return try text.withUTF8 { bytes in
          try JSON.parse(UnsafeRawBufferPointer(bytes), path: nil, piece: piece).text()
        }
      } catch let failure as JSONFailure {
        return "wrong at \(failure.line):\(failure.column), byte \(failure.offset)"
      } catch { return "\(error)" }
    }
    let whole = result(1 << 20)
    for piece in 1...12 { #expect(result(piece) == whole, "in pieces of \(piece)") }
  }

  @Test func invalidBytesAreRefusedInPieces() {
    let bytes: [UInt8] = Array("[\"a".utf8) + [0xE2, 0x82, 0x22, 0x5D]
    for piece in 1...8 {
      #expect(throws: JSONFailure.self) {
        try bytes.withUnsafeBytes { try JSON.parse($0, path: nil, piece: piece) }
      }
    }
  }
}

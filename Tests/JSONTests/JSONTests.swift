import JSON
import Testing

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
}

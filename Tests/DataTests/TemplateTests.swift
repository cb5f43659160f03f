import Data
import JSON
import Testing

struct TemplateTests {
  private func render(_ template: String, _ row: JSONObject) throws -> String {
    try Template(template).render(Row(index: 0, values: row))
  }

  @Test func columnsAndBraces() throws {
    let template = try Template("{{{a}}} {b c}{a}{{}}")
    #expect(template.columns == ["a", "b c"])
    let row = JSONObject([("a", "1{x}"), ("b c", "é")])
    #expect(template.render(Row(index: 0, values: row)) == "{1{x}} é1{x}{}")
    #expect(try Template("plain").columns == [])
    #expect(try Template("{q}{response}{tail}").responseColumn == "response")
    #expect(try Template("{q}{answer}").responseColumn == "answer")
  }

  @Test(arguments: [
    ("a } b", 2), ("a {", 2), ("a {b", 2), ("é{}", 2), ("{a!r}", 0), ("x {a:>8}", 2), ("{a{b}}", 0),
    ("{a}}", 3),
  ])
  func refused(_ text: String, _ offset: Int) {
    let failure = #expect(throws: TemplateFailure.self) { try Template(text) }
    #expect(failure?.offset == offset)
  }

  /// As CPython 3.11 writes them: `"{v}".format(v=json.loads(text))`.
  @Test(arguments: [
    ("7", "7"), ("-9007199254740993", "-9007199254740993"), ("true", "True"), ("false", "False"),
    ("1.0", "1.0"), ("-0.0", "-0.0"), ("0.1", "0.1"), ("1e3", "1000.0"),
    ("1e15", "1000000000000000.0"),
    ("1e16", "1e+16"), ("1.5e16", "1.5e+16"), ("12345678901234567.0", "1.2345678901234568e+16"),
    ("9007199254740993.0", "9007199254740992.0"),
    ("1e22", "1e+22"), ("1.7976931348623157e308", "1.7976931348623157e+308"), ("0.0001", "0.0001"),
    ("0.00012345", "0.00012345"), ("0.00001", "1e-05"), ("1.25e-7", "1.25e-07"),
    ("5e-324", "5e-324"),
    ("123.456", "123.456"), ("NaN", "nan"), ("-Infinity", "-inf"),
    ("[1, \"a\", null, 2.50, [true]]", "[1, 'a', None, 2.5, [True]]"),
    ("{\"k\": [], \"it's\": {}}", "{'k': [], \"it's\": {}}"),
    (
      #"["it's", "a\"b", "'\"", "x\ny\t\\", "\u0001\u007f", "é日", "\u00a0\u200b\ud83d\ude00"]"#,
      #"["it's", 'a"b', '\'"', 'x\ny\t\\', '\x01\x7f', 'é日', '\xa0\u200b😀']"#
    ),
  ])
  func valuesAsPythonWritesThem(_ json: String, _ text: String) throws {
    #expect(try render("{v}", JSONObject([("v", try JSON.parse(json))])) == text)
  }

  @Test func nullsAndAbsentColumnsAreEmpty() throws {
    #expect(try render("[{a}{b}]", JSONObject([("a", .null)])) == "[]")
  }
}

import Language
import ScriptGenerator
import Testing

struct HighlightTests {
  @Test func kinds() {
    let source = Source(
      name: "a",
      text: "x = load phi  # why\n{ a: ppl \"s\" bits=4 | f $x.y[2] }\ndef f(n) { print $n }")
    let parts = source.highlighted().filter { $0.kind != nil && $0.kind != .punctuation }
      .map { "\($0.kind?.rawValue ?? "") \($0.text)" }
    #expect(
      parts == [
        "variable x", "verb load", "word phi", "comment # why", "label a:", "verb ppl",
        "string \"s\"",
        "key bits", "number 4", "verb f", "variable $x.y", "number 2", "keyword def", "verb f",
        "word n", "verb print", "variable $n",
      ])
  }

  @Test(arguments: 0..<10) func piecesAreTheText(_ seed: Int) {
    var generator = TreeGenerator(random: SeededGenerator(seed: UInt64(9000 + seed)))
    for _ in 0..<20 {
      let text = generator.script().formatted
      let source = Source(name: "a", text: text)
      #expect(source.highlighted().map(\.text).joined() == text)
    }
  }
}

import Language
import ScriptGenerator
import Testing

struct SuggestionTests {
  @Test(arguments: [
    ("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("gtpq", "gptq", 1),
    ("abcd", "badc", 2), ("kitten", "sitting", 3), ("ca", "abc", 3), ("é", "e", 1), ("ab", "ba", 1),
  ])
  func distances(_ first: String, _ second: String, _ expected: Int) {
    #expect(Suggestion.distance(first, second) == expected)
    #expect(Suggestion.distance(second, first) == expected)
  }

  /// Against the definition, by recursion.
  @Test func distanceAgainstItsDefinition() {
    func definition(_ a: ArraySlice<Character>, _ b: ArraySlice<Character>) -> Int {
      guard let x = a.last, let y = b.last else { return a.count + b.count }
      var best = min(
        definition(a.dropLast(), b) + 1, definition(a, b.dropLast()) + 1,
        definition(a.dropLast(), b.dropLast()) + (x == y ? 0 : 1))
      if a.count > 1, b.count > 1, a.dropLast().last == y, b.dropLast().last == x {
        best = min(best, definition(a.dropLast(2), b.dropLast(2)) + 1)
      }
      return best
    }
    var random = SeededGenerator(seed: 7)
    for _ in 0..<60 {
      let (a, b) = (random.text("abc", 0...5), random.text("abc", 0...5))
      #expect(Suggestion.distance(a, b) == definition(ArraySlice(a), ArraySlice(b)))
    }
  }

  static let verbs = [
    "load", "quantize", "finetune", "merge", "ppl", "generate", "tokens", "save", "plot", "print",
    "plan", "cache", "use", "rtn", "gptq", "awq", "tiny-codes", "wikitext",
  ]

  @Test(arguments: [
    ("gtpq", "gptq"), ("qantize", "quantize"), ("quant", "quantize"), ("fine", "finetune"),
    ("LOAD", "load"), ("laod", "load"), ("tiny_codes", "tiny-codes"), ("tinycodes", "tiny-codes"),
    ("wiki", "wikitext"), ("pp", "ppl"), ("plto", "plot"), ("finetuning", "finetune"),
    ("xyzzy", nil), ("", nil), ("a", nil), ("q", nil), (String(repeating: "a", count: 9999), nil),
  ])
  func meant(_ name: String, _ expected: String?) {
    #expect(didYouMean(name, among: Self.verbs) == expected)
  }

  @Test func order() {
    let names = ["flat", "platter", "plot", "plan", "load"]
    #expect(Suggestion.nearest("plat", among: names) == ["plan", "plot", "flat"])
    #expect(
      Suggestion.nearest("plat", among: names, limit: 9) == ["plan", "plot", "flat", "platter"])
    #expect(Suggestion.nearest("ppl", among: ["ppl"]).isEmpty)
    #expect(Suggestion.nearest("aab", among: ["aaa", "aaa", "aac"]) == ["aaa", "aac"])
  }
}

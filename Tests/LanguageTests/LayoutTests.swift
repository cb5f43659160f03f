import Language
import ScriptGenerator
import Testing

struct LayoutTests {
  @Test(arguments: [
    ("", ""),
    ("\n\n# only\n\n\n# remarks\n\n", "# only\n\n# remarks\n"),
    ("load   phi ;  ppl;", "load phi; ppl\n"),
    ("x  =  [ a  [b] ]  # why", "x = [a [b]]  # why\n"),
    (
      "load phi |\n   quantize   gptq bits=4 |\n ppl",
      "load phi\n  | quantize gptq bits=4\n  | ppl\n"
    ),
    ("load phi | # first\n ppl", "load phi  # first\n  | ppl\n"),
    ("load phi\n\n| ppl", "load phi\n  | ppl\n"),
    (
      "{ base: ppl\n\"q → ft\": quantize gptq|finetune tiny-codes\n  b : ppl}|plot",
      "{ base:     ppl\n  \"q → ft\": quantize gptq | finetune tiny-codes\n  b:        ppl } | plot\n"
    ),
    (
      "## Doc.\n##\ndef f(a,b:list=[1 2],  c : text = \"x\")\n{\n\n ppl $a [ 3 ] \n\n\n load phi\n\n}",
      "## Doc.\n##\ndef f(a, b: list = [1 2], c: text = \"x\") {\n  ppl $a [3]\n\n  load phi\n}\n"
    ),
    (
      "each  $m in [ a b ]\n { quantize $m|ppl tiny-codes[ 2:5 ].x }",
      "each $m in [a b] { quantize $m | ppl tiny-codes[2:5].x }\n"
    ),
    (
      "#!/usr/bin/env olv\n#%%   One\nload phi\n# %% [markdown]\n# text\n#\n# more\n\n# %%\nppl",
      "#!/usr/bin/env olv\n\n# %% One\nload phi\n\n# %% [markdown]\n# text\n#\n# more\n\n# %%\nppl\n"
    ),
    ("ppl as=[ a\n# one\nb ]", "ppl as=[a\n  # one\n  b]\n"),
    ("{ ; a ; ; b ; }\n{ }", "{ a; b }\n{}\n"),
    ("?ppl\nppl?", "? ppl\nppl ?\n"),
    ("{\n other:\n ppl\n | table\n}", "{\n  other:\n    ppl\n    | table\n}\n"),
    ("x = (ppl\ntiny-codes).value", "x = (ppl\n  tiny-codes).value\n"),
  ])
  func formats(_ text: String, _ expected: String) throws {
    let formatted = try format(Source(name: "test", text: text))
    #expect(formatted == expected)
    #expect(try format(Source(name: "test", text: expected)) == expected)
  }

  @Test func refusesWhatIsNoScript() {
    #expect(throws: DiagnosticSet.self) { try format(Source(name: "test", text: "load phi |")) }
  }

  /// However blanks, line ends and comments are strewn: the same tree, the same comments, and stable.
  @Test(arguments: 0..<20)
  func keepsTreesAndComments(_ seed: Int) throws {
    var generator = TreeGenerator(random: SeededGenerator(seed: UInt64(7000 + seed)))
    var random = SeededGenerator(seed: UInt64(8000 + seed))
    var count = 0
    for _ in 0..<40 {
      let text = strewn(generator.script().formatted, &random)
      let source = Source(name: "strewn", text: text)
      let result = parse(source)
      guard result.diagnostics.isEmpty else { continue }
      count += 1
      let formatted = try format(source)
      let again = parse(Source(name: "formatted", text: formatted))
      guard again.diagnostics.isEmpty, again.script == result.script,
        remarks(formatted) == remarks(text),
        try format(Source(name: "again", text: formatted)) == formatted
      else {
        Issue.record("\(text)\n=====\n\(formatted)")
        return
      }
    }
    #expect(count >= 3)
  }

  /// The text with blanks doubled, lines broken or commented where that may or may not be allowed.
  private func strewn(_ text: String, _ random: inout SeededGenerator) -> String {
    var result = ""
    for character in text {
      switch character {
      case " " where random.once(in: 8):
        result += random.pick(["  ", "\t", " \n", "\n\n\n ", " # a remark \n"])
      case "\n" where random.once(in: 4):
        result += random.pick([
          "\n\n", "  \n", " # end\n", "\n  # own\n", "\r\n", "\n## doc\n", ";\n",
        ])
      case "|" where random.once(in: 3): result += random.pick(["|\n", "\n|", "|  # c\n\n"])
      case "{" where random.once(in: 4): result += random.pick(["{  ", "{;", "{\n\n", "{ # b\n"])
      case "}" where random.once(in: 4): result += random.pick([" ;}", "\n\n}", "\n# z\n}"])
      default: result.append(character)
      }
    }
    return result
  }

  /// Remarks without the strings and cells around them: what stands behind the last ` #` of a line, roughly.
  private func remarks(_ text: String) -> [String] {
    ["# a remark", "# end", "# own", "## doc", "# c", "# b", "# z"].flatMap { remark in
      text.split(separator: "\n").filter { $0.contains(remark) }.map { _ in remark }
    }
  }
}

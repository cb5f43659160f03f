import Language
import Testing

@Suite struct CursorPlaceTests {
  typealias Call = CursorPlace.CallSoFar

  /// What may stand at `¦`.
  private func place(_ text: String) -> CursorPlace {
    let offset = text.firstIndex(of: "¦").map { text.utf8.distance(from: text.startIndex, to: $0) }
    return CursorPlace(text.replacing("¦", with: ""), at: offset ?? text.utf8.count)
  }

  @Test(arguments: [
    "¦", "lo¦", "load phi; ¦", "load phi\nqu¦", "ppl | ver¦", "ppl | ¦", "{ ¦", "{ base: p¦",
    "{ \"q → ft\": qua¦", "x = lo¦", "x = ¦", "each $m in [a b] { ¦", "def f(a, b=3) { q¦",
    "print (pp¦", "{ a: ppl\n b: ¦", "ppl # why\n¦",
  ])
  func stages(_ text: String) {
    #expect(place(text).kind == .stage)
  }

  @Test(arguments: [
    ("load ¦", Call(verb: "load"), ""), ("load ph¦", Call(verb: "load"), "ph"),
    ("quantize gptq bi¦", Call(verb: "quantize", values: ["gptq"]), "bi"),
    ("quantize gptq bits=4 ¦", Call(verb: "quantize", keys: ["bits"], values: ["gptq"]), ""),
    ("finetune targets=[a b] t¦", Call(verb: "finetune", keys: ["targets"]), "t"),
    ("ppl tiny-codes[2:5] le¦", Call(verb: "ppl", values: ["tiny-codes"]), "le"),
    ("print (ppl | expect below=3) s¦", Call(verb: "print", values: [""]), "s"),
    ("? qu¦", Call(verb: "help"), "qu"), ("ppl wikitext.te¦", Call(verb: "ppl"), "wikitext.te"),
    ("load ~/mod¦els", Call(verb: "load"), "~/mod"),
  ])
  func arguments(_ text: String, _ call: Call, _ prefix: String) {
    let place = place(text)
    #expect(place.kind == .argument(call) && place.prefix == prefix)
  }

  @Test(arguments: [
    ("quantize gptq data=¦", "data", ""), ("quantize gptq data=wiki¦", "data", "wiki"),
    ("ppl as=[olive g¦", "as", "g"), ("ppl as=[¦", "as", ""), ("load phi; ppl as=¦", "as", ""),
    ("save format=\"h¦", "format", "h"),
  ])
  func values(_ text: String, _ key: String, _ prefix: String) {
    let place = place(text)
    #expect(place.prefix == prefix)
    guard case .value(_, key) = place.kind else {
      Issue.record("\(text) gives \(place.kind)")
      return
    }
  }

  @Test(arguments: [
    ("$¦", ""), ("print $na¦", "na"), ("print \"is $na¦", "na"), ("each ¦", ""), ("$3¦", "3"),
  ])
  func variables(_ text: String, _ prefix: String) {
    let place = place(text)
    #expect(place.kind == .variable && place.prefix == prefix)
  }

  @Test(arguments: [
    ("$r.¦", "$r", false, ""), ("$r.lo¦", "$r", false, "lo"),
    ("print $r.loss.¦", "$r.loss", false, ""),
    ("$t[¦", "$t", true, ""), ("$t[ba¦", "$t", true, "ba"), ("$t[\"q → ¦", "$t", true, "q → "),
    ("print $t[\"a b\"].v¦", "$t[\"a b\"]", false, "v"),
    ("ppl tiny-codes[¦", "tiny-codes", true, ""),
  ])
  func members(_ text: String, _ base: String, _ isBracketed: Bool, _ prefix: String) {
    let place = place(text)
    #expect(place.kind == .member(of: base, isBracketed: isBracketed) && place.prefix == prefix)
  }

  @Test(arguments: ["ppl # co¦", "def na¦", "def f(a¦", "# ¦", "$r[2:5] ¦"])
  func nothing(_ text: String) { #expect(place(text).kind == .nothing) }

  @Test func namesOfTheTextItself() {
    let place = place("x = 3; each $m in [a] { print $m }; def f(data: dataset, k=2) { pr¦")
    #expect(place.names == ["x", "m", "data", "k"] && place.functions == ["f"])
  }

  @Test func startsAndQuotes() {
    let plain = place("ppl ü tin¦")
    #expect(plain.start == 7 && !plain.isQuoted)
    let quoted = place("load \"my mod¦")
    #expect(quoted.start == 6 && quoted.isQuoted && quoted.prefix == "my mod")
  }

  /// Every cut of every text gives some place and no crash; the prefix always ends at the cursor.
  @Test func anyCutWorks() {
    let texts = [
      "load phi; { base: ppl as=[olive gptq]\n \"q → ft\": quantize gptq | ppl $t[\"x\"].y[2:3] } | plot",
      "def f(a: int = 3, b) { each $x in [1 2] { print \"$x \\\" \\u{e9}\" ($y.z) } } # end",
      "]]]})) | ; = = [ ( { $ . .. \"", "##\n# %% [markdown]\n# text\nppl ?",
    ]
    for text in texts {
      for offset in 0...text.utf8.count {
        let place = CursorPlace(text, at: offset)
        let bytes = Array(text.utf8.prefix(offset))
        let shown = String(decoding: bytes, as: UTF8.self)
        #expect(place.start >= 0 && place.start <= shown.utf8.count)
        #expect(shown.hasSuffix(place.prefix))
      }
    }
  }
}

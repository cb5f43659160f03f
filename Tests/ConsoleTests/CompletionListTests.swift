import Language
import Session
import Testing

@testable import Console

@Suite struct CompletionListTests {
  private func lines(
    _ candidates: [(String, String, String)], note: String? = nil, width: Int = 40, height: Int = 24
  ) -> [String] {
    CompletionList(width: width, height: height, ink: Ink(isOn: false)).lines(
      Completion(
        range: 0..<0,
        candidates: candidates.map { Completion.Candidate($0.0, $0.1, ending: $0.2) }, note: note))
  }

  @Test func hintsStandInAColumn() {
    #expect(
      lines([
        ("gptq", "by the Hessian", " "), ("bits", "bits per weight (2, 3, 4, 8; default 4)", "="),
      ]) == ["gptq   by the Hessian", "bits=  bits per weight (2, 3, 4, 8; de…"])
    #expect(lines([("量化", "a label", ""), ("x", "", "")]) == ["量化  a label", "x"])
    #expect(lines([], note: "samples: how many") == ["samples: how many"])
    #expect(lines([]) == [])
  }

  @Test func manyStandInColumns() {
    let many = (10..<60).map { ("name\($0)", "hint", " ") }
    let shown = lines(many, width: 40, height: 16)
    #expect(shown.count == 10 && shown[0] == "name10  name20  name30  name40  name50")
    #expect(shown.allSatisfy { $0.displayWidth <= 40 })
    #expect(lines(many, width: 20, height: 10).last == "… 36 more")
    // With their hints, as long as there is room for them.
    let wide = lines(many, width: 80, height: 29)
    #expect(
      wide.count == 25
        && wide[0] == "name10  hint" + String(repeating: " ", count: 29) + "name35  hint")
    #expect(lines(Array(many.prefix(49)), width: 80, height: 29)[24] == "name34  hint")
    let long = (10..<60).map { ("name\($0)", String(repeating: "word ", count: 20), "=") }
    #expect(lines(long, width: 80, height: 29).allSatisfy { $0.displayWidth <= 80 })
    #expect(lines(long, width: 80, height: 29)[0].contains("name35=  word"))
  }

  @Test(arguments: [20, 40, 80]) func fits(_ width: Int) {
    let odd = [
      (String(repeating: "量", count: 60), String(repeating: "word ", count: 40), " "),
      ("a\u{1B}[2J", "b\u{7}", "="),
    ]
    let shown = lines(odd, width: width)
    #expect(shown.allSatisfy { $0.displayWidth <= width && !$0.contains("\u{1B}") })
  }
}

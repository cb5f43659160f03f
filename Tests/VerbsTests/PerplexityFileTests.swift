import JSON
import Session
import TestSupport
import Testing

@Suite(.serialized)
struct PerplexityFileTests {
  /// Blank lines count: rows joined again would not be the file.
  @Test func aPlainTextFileIsReadAsItStands() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let text = (0..<400).map { "line \($0)\n\n\n  let x = \($0 * 7)\n" }.joined()
    let file = "\(folder)/text.txt"
    try Shared.write(text, to: file)
    let bench = try Workbench()
    try bench.run("use demo; load phi; ppl \"\(file)\" as=llamacpp length=128")
    let whole = try #require(bench.last)
    #expect(whole.json["protocol"]?.stringValue?.contains("the whole text") == true)
    try bench.run("ppl \"\(file)\"[:300] as=llamacpp length=128")
    let rows = try #require(bench.last)
    #expect(rows.json["protocol"]?.stringValue?.contains("rows joined by blank lines") == true)
    let tokens = { (report: Report) in report.json["tokens"]?.intValue ?? 0 }
    #expect(tokens(whole) > tokens(rows))
  }
}

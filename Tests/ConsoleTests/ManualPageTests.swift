import Session
import Testing

@testable import Console

struct ManualPageTests {
  let page = ManualPage(
    usage: Flags.usage, verbs: VerbRegistry(VerbRegistry.linked()).all, version: "1.2"
  ).text

  @Test func hasEveryVerbAndFlag() {
    for verb in VerbRegistry(VerbRegistry.linked()).all {
      #expect(page.contains("\n.SS \(verb.name)\n"))
    }
    #expect(page.contains("\\-\\-device auto|cpu|cuda[:N]"))
    #expect(page.hasPrefix(".TH OLV 1"))
    #expect(page.contains("\nolv \\- quantize before or after"))
  }

  /// A line that begins with a dot is a request; only the page's own may be there.
  @Test func textIsNoRequest() {
    let requests = [".TH ", ".SH ", ".SS ", ".PP", ".nf", ".fi", ".TP", ".B "]
    for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
      #expect(requests.contains { line.hasPrefix($0) }, "\(line)")
    }
  }

  @Test func isACommand() throws {
    #expect(try Flags(["man"]).action == .manual)
    #expect(throws: UsageFailure.self) { try Flags(["man", "ppl"]) }
    #expect(try Flags(["doctor"]).action == .text("doctor"))
    #expect(try Flags(["--json", "doctor"]).format == .json)
  }
}

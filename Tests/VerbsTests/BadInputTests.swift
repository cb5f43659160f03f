import FoundationEssentials
import Session
import TestSupport
import Testing

/// What users get wrong, and what they are told: the text under the carets, and a part of the message.
@Suite(.serialized)
struct BadInputTests {
  @Test(arguments: [
    ("use demo; load phi; quantize gtpq", "gtpq", "no quantizer `gtpq`"),
    ("use demo; load phi; quantize gptq bits=5", "5", "5"),
    ("use demo; load phi; quantize gptq samples=100000", "100000", "blocks"),
    ("use demo; load phi; quantize rtn group=48", "48", "divide"),
    ("use demo; load phi; quantize rtn group=512", "512", "group"),
    ("use demo; load phi; ppl tiny-cods", "tiny-cods", "tiny-cods"),
    ("use demo; load phi; ppl tiny-codes[7000:8000]", "", "6016 rows"),
    ("use demo; load phi; finetune tiny-codes steps=0", "0", "steps"),
    ("use demo; load phi; finetune tiny-codes targets=[qkv_prj]", "", "qkv_prj"),
    ("use demo; load phi; finetune tiny-codes mask=response", "response", "pack=no"),
    ("quantize rtn", "quantize", "model"),
    ("use demo; load phi; merge", "", "no adapter"),
    ("use demo; load phi; drop adapter", "adapter", "no adapter"),
    ("load /nowhere/at/all", "/nowhere/at/all", "/nowhere/at/all"),
    ("use demo; load phi; save /proc/nope/model", "/proc/nope/model", "/proc/nope"),
    ("d = dataset ROOT/stdlib/demo/tiny-codes.jsonl.gz template=\"{promt}\"", "", "promt"),
    ("use demo; load phi; quantize rtn; quantize gptq samples=2", "", "quantized already"),
    (
      "use demo; load phi; quantize rtn; finetune tiny-codes steps=1 batch=1 length=32 eval=no; merge",
      "", "quantized"
    ),
  ])
  func isExplained(_ script: String, _ pointed: String, _ message: String) throws {
    let diagnostics = try Workbench().failure(script)
    let first = try #require(diagnostics.first, "accepted: \(script)")
    #expect(first.span != nil, "no span: \(first.message)")
    #expect(
      (first.message + (first.help ?? "")).contains(message),
      "\(script): \(first.message); \(first.help ?? "")")
    if !pointed.isEmpty {
      #expect(first.span?.text == pointed, "\(script): points at \(first.span?.text ?? "")")
    }
  }

  /// The prelude's calibration text is on the hub, which a method without calibration does not ask for.
  @Test func plainRoundingNeedsNoData() throws {
    let bench = try Workbench()
    try bench.run("load ROOT/stdlib/demo/phi; quantize rtn")
    #expect(bench.last?.verb == "quantize")
    let refused = try #require(bench.failure("quantize gptq").first)
    #expect(refused.message.contains("wikitext"), "\(refused.message)")
    #expect(!bench.failure("quantize rtn data=nowhere").isEmpty)
  }

  @Test func theSessionLivesOn() throws {
    let bench = try Workbench()
    try bench.run("use demo; load phi")
    #expect(!bench.failure("quantize gptq samples=1000000 data=tiny-codes[:1]").isEmpty)
    try bench.run("ppl tiny-codes[5000:5002]")
    #expect(bench.last?.verb == "ppl")
    #expect(bench.last?.model == "phi")
  }

  @Test(arguments: [
    ("rows.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \n{\"prompt\": \"c\"}\n", ":2"),
    ("rows.json", "[{\"prompt\": \"a\"},\n {\"prompt\" 1}]", ":2"),
    ("rows.yaml", "- prompt: a\n- prompt: [b\n", ":"),
    ("rows.jsonl", "", "no rows"),
  ])
  func malformedData(_ name: String, _ text: String, _ expected: String) throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    let diagnostics = try Workbench().failure(
      "use demo; load phi; d = dataset \(folder)/\(name) field=prompt; ppl $d")
    let first = try #require(diagnostics.first)
    #expect(first.span != nil)
    #expect(first.message.contains(expected), "\(first.message)")
  }
}

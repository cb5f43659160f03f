import Data
import JSON
import Runtime
import TestSupport
import Testing

/// Files that others made; every expected value is what Python reads from the same file.
struct RealDatasetTests {
  private static let template =
    "### Language: {programming_language} \n### Question: {prompt} \n### Answer: {response}"

  private func hash(_ text: String) -> String {
    var text = text
    return text.withUTF8 { SHA256.hex(UnsafeRawBufferPointer($0)) }
  }

  @Test(.enabled(if: Shared.hasReference, "needs the reference data"))
  func tinyCodes() throws {
    let path = "\(Shared.reference ?? "")/tiny-codes.jsonl"
    let dataset = try Dataset.open(
      path,
      DatasetOptions(
        template: Template(Self.template), train: SliceSpec(":4096"), eval: SliceSpec("4096:4224"),
        test: SliceSpec("5000:6000")))
    #expect(dataset.count == 6000)
    #expect(dataset.columns == ["idx", "programming_language", "prompt", "response"])
    #expect(
      try dataset.text(at: 0)
        == "### Language: Go \n### Question: Write a simple Go program that adds up each route times 99. \n### Answer: One possible solution is:\n\n```go\nfunc total_route(items []int) int {\n\ttotal := 0\n\tfor _, x := range items {\n\t\ttotal += x * 99\n\t}\n\treturn total\n}\n```\n\nEach route is multiplied by 99 and added to the total."
    )
    let test = try #require(try dataset.rows(for: .test))
    #expect(
      try test.text(at: 0)
        == "### Language: Rust \n### Question: Write a short Rust program that stores one plant with the default 17. \n### Answer: Here is one way to do it:\n\n```rust\nstruct Plant {\n    name: String,\n    value: i64,\n}\n\nimpl Plant {\n    fn new(name: &str) -> Self {\n        Plant { name: name.to_string(), value: 17 }\n    }\n}\n```\n\nThe type holds a name and a value that starts at 17."
    )
    #expect(
      try hash(test.text(at: 999))
        == "dac77041d9d35227a9409aa36ed852a5616498681c65bdee4b16581f071893b0")
    #expect(
      try hash(dataset.texts().joined(separator: "\n\n"))
        == "a5b85a398b56e01a792d31972562043fab4b8e1d26c3375727fe8602f82662bf")
    #expect(try dataset.rows(for: .train)?.count == 4096)
    #expect(try dataset.rows(for: .eval)?.row(0).index == 4096)
  }

  @Test(.enabled(if: Shared.hasReal, "needs the third-party data"))
  func wikiText() throws {
    let folder = "\(Shared.real ?? "")/datasets/wikitext-2-raw"
    let dataset = try Dataset.open(folder, DatasetOptions(name: "wikitext"))
    #expect(dataset.splitNames == ["validation", "test"])
    // Line counts and joined texts of the hub's wikitext-2-raw-v1.
    let test = try dataset.named("test")
    #expect(test.count == 4358)
    #expect(
      try hash(test.texts().joined(separator: "\n\n"))
        == "696cca6b65a171b0a358a4be6732cdfdf2dd6164a32e20fd70e3c13fc4dfae83")
    let validation = try dataset.named("validation")
    #expect(validation.count == 3760)
    #expect(
      try hash(validation.texts().joined(separator: "\n\n"))
        == "b44fb967f92b525731216a507d1fbc44b97446b7ef0a2b4d1a893f81f1bbc29e")
    #expect(try test.text(at: 1) == " = Robert Boulter = \n")
    #expect(try test.originalText()?.utf8.count == 1_290_590)
  }

  @Test(
    .enabled(if: Shared.hasReal, "needs the third-party data"),
    arguments: [
      (
        "mbpp.jsonl", 974,
        ["text", "code", "task_id", "test_setup_code", "test_list", "challenge_test_list"]
      ),
      ("code_alpaca_2k.json", 2017, ["instruction", "input", "output"]),
      (
        "HumanEval.jsonl.gz", 164,
        ["task_id", "prompt", "entry_point", "canonical_solution", "test"]
      ),
      ("c4_demo.jsonl", 300, ["text"]),
    ])
  func rowCounts(_ name: String, _ count: Int, _ columns: [String]) throws {
    let dataset = try Dataset.open("\(Shared.real ?? "")/datasets/\(name)")
    #expect(dataset.count == count)
    #expect(dataset.columns == columns)
    for index in 0..<count { #expect(try dataset.row(index).values.keys == columns) }
  }

  @Test(.enabled(if: Shared.hasReal, "needs the third-party data"))
  func valuesInside() throws {
    let folder = "\(Shared.real ?? "")/datasets"
    let alpaca = try Dataset.open("\(folder)/code_alpaca_2k.json")
    #expect(
      try alpaca.row(2016)["output"]
        == "SELECT AVG(Price)\nFROM Products\nWHERE Date > (CURDATE() - INTERVAL 7 DAY)")
    let human = try Dataset.open("\(folder)/HumanEval.jsonl.gz")
    #expect(try human.row(163)["task_id"] == "HumanEval/163")
    // Lists of strings as Python's str() writes them.
    let mbpp = try Dataset.open(
      "\(folder)/mbpp.jsonl", DatasetOptions(template: Template("{test_list}")))
    #expect(
      try hash(mbpp.texts().joined(separator: "\n"))
        == "68a84d5ba89560676474fa9dbd86dd52fd52e7e5e1bf6838abc7e52b7325d700")
  }
}

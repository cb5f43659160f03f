import FoundationEssentials
import JSON
import Runtime
import TestSupport
import Testing

@testable import Tokenizers

struct MalformedTokenizerTests {
  /// A file that is right, with one section replaced by `change`.
  private func message(_ change: String) throws -> String {
    let right = """
      {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<u>": 3}, "merges": ["a b"],
        "unk_token": "<u>"},
       "added_tokens": [{"id": 4, "content": "<s>", "special": true}]}
      """
    var object = try #require(try JSON.parse(right).objectValue)
    for (key, value) in try #require(try JSON.parse(change).objectValue) {
      guard key == "model", let members = value.objectValue,
        var model = object["model"]?.objectValue
      else {
        object[key] = value
        continue
      }
      for (key, value) in members { model[key] = value }
      object["model"] = .object(model)
    }
    do {
      _ = try Tokenizer(json: .object(object), config: nil, path: "t.json")
      return "accepted"
    } catch let failure as TokenizerFailure {
      #expect(failure.message.hasPrefix("t.json: "))
      return failure.description
    }
  }

  @Test func theUnchangedFileIsRight() throws { #expect(try message("{}") == "accepted") }

  @Test(arguments: [
    (#"{"model": null}"#, "`model` is missing"),
    (#"{"model": 3}"#, "`model` must be an object, not a number"),
    (#"{"model": {"type": "Unigram"}}"#, "no tokenizer model `Unigram` (supported: BPE)"),
    (#"{"model": {"vocab": null}}"#, "`model.vocab` is missing"),
    (#"{"model": {"vocab": []}}"#, "`model.vocab` must be an object, not an array"),
    (#"{"model": {"vocab": {"a": -1}}}"#, "`a` has id -1"),
    (#"{"model": {"vocab": {"a": 4294967296}}}"#, "`a` has id 4294967296"),
    (#"{"model": {"vocab": {"a": "0"}}}"#, #"`a` has id "0""#),
    (#"{"model": {"vocab": {"a": 0, "b": 0}}}"#, "id 0 is given to `a` and to `b`"),
    (#"{"model": {"merges": null}}"#, "`model.merges` is missing"),
    (#"{"model": {"merges": ["a b", "a c"]}}"#, "merge 1 names `c`"),
    (#"{"model": {"merges": ["b a"]}}"#, "merge 0 names `ba`"),
    (#"{"model": {"merges": ["ab"]}}"#, "merge 0 is no pair of tokens"),
    (#"{"model": {"merges": ["a b a"]}}"#, "merge 0 is no pair of tokens"),
    (#"{"model": {"merges": [["a", "b", "a"]]}}"#, "merge 0 is no pair of tokens"),
    (#"{"model": {"merges": [["a", 1]]}}"#, "merge 0 is no pair of tokens"),
    (#"{"model": {"merges": [7]}}"#, "merge 0 is no pair of tokens"),
    (#"{"model": {"unk_token": "?"}}"#, "`?` is not in the vocabulary"),
    (#"{"model": {"fuse_unk": "yes"}}"#, "`model.fuse_unk` must be a boolean, not a string"),
    (#"{"model": {"end_of_word_suffix": "</w>"}}"#, "no affix `</w>`"),
    (#"{"model": {"dropout": 0.1}}"#, "no merge dropout `0.1`"),
    (#"{"added_tokens": {}}"#, "`added_tokens` must be an array"),
    (#"{"added_tokens": [{"content": "x"}]}"#, "`added_tokens[0].id` is missing"),
    (#"{"added_tokens": [{"id": 4}]}"#, "`added_tokens[0].content` is missing"),
    (#"{"added_tokens": [{"id": 99999999, "content": "x"}]}"#, "id 99999999 is out of range"),
    (#"{"added_tokens": [{"id": 0, "content": "x"}]}"#, "which the vocabulary gives to `a`"),
    (#"{"added_tokens": [{"id": 9, "content": "a"}]}"#, "id 9 here and id 0 in the vocabulary"),
    (
      #"{"added_tokens": [{"id": 4, "content": "x"}, {"id": 4, "content": "y"}]}"#,
      "id 4 is given to `y` and to `x`"
    ),
    (
      #"{"added_tokens": [{"id": 4, "content": "x"}, {"id": 5, "content": "x"}]}"#,
      "`x` has id 5 and id 4"
    ),
    (#"{"normalizer": {"type": "NFKC"}}"#, "no normalizer `NFKC` (supported: Sequence, Prepend"),
    (#"{"normalizer": {}}"#, "`normalizer.type` is missing"),
    (#"{"normalizer": {"type": "Replace", "content": "x"}}"#, "`normalizer.pattern` is missing"),
    (
      #"{"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}}"#,
      "an empty pattern"
    ),
    (
      #"{"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Bert"}]}}"#,
      "`pre_tokenizer.pretokenizers[0].type`: no pre-tokenizer `Bert`"
    ),
    (
      #"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}}"#,
      "`pre_tokenizer.pattern.Regex`: the regular expression does not compile"
    ),
    (
      #"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Away"}}"#,
      "no split behavior `Away` (supported: Isolated, Removed"
    ),
    (
      #"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a&&b]"}, "behavior": "Isolated"}}"#,
      "no regular expression construct `&&`"
    ),
    (
      #"{"pre_tokenizer": {"type": "Metaspace", "replacement": "__"}}"#,
      "must be a single character"
    ),
    (
      #"{"post_processor": {"type": "RobertaProcessing"}}"#, "no post-processor `RobertaProcessing`"
    ),
    (
      #"{"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]}}"#,
      "`special_tokens` has no `x`"
    ),
    (
      #"""
      {"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}],
        "special_tokens": {"x": {"ids": [77]}}}}
      """#, "id 77 is not in the vocabulary of 5"
    ),
    (#"{"post_processor": {"type": "TemplateProcessing", "single": []}}"#, "names no sequence"),
    (#"{"decoder": {"type": "WordPiece"}}"#, "no decoder `WordPiece` (supported: Sequence"),
    (
      #"{"decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0}}"#,
      "-1 is out of range"
    ),
  ])
  func malformed(change: String, expected: String) throws {
    let message = try message(change)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func theFileIsNamed() throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func failure() -> (any Failure)? {
      do {
        _ = try Tokenizer(folder: folder)
        return nil
      } catch { return error as? any Failure }
    }
    let path = "\(folder)/tokenizer.json"
    #expect(failure()?.message == "\(path): no such file")
    try Data().write(to: URL(filePath: "\(folder)/tokenizer.model"))
    #expect(failure()?.message.contains("does not read the tokenizer.model") == true)
    try Data("{\n\"model\": {,}\n}".utf8).write(to: URL(filePath: path))
    #expect(failure()?.message.hasPrefix("\(path):2:") == true)
    try Data(String(repeating: "[", count: 100_000).utf8).write(to: URL(filePath: path))
    #expect(failure()?.message.hasPrefix(path) == true)
    try Data("[]".utf8).write(to: URL(filePath: path))
    #expect(failure()?.message == "\(path): `the document` must be an object, not an array")
  }

  /// Whatever is cut off or overwritten, there is a failure or a tokenizer that works, never a crash.
  @Test func damagedFiles() throws {
    let whole = Array(
      try TokenizerFixture.text("\(Shared.fixtures)/sentencepiece/tokenizer.json").utf8)
    var random = TokenizerFixture.Random(state: 7)
    var accepted = 0
    for round in 0..<120 {
      var bytes = whole
      if round % 2 == 0 {
        bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
      } else {
        for _ in 0..<(1 + round % 5) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] =
            Array("0\"{}[],:x\\".utf8).randomElement(using: &random) ?? 0
        }
      }
      do {
        let json = try bytes.withUnsafeBytes { try JSON.parse($0) }
        let tokenizer = try Tokenizer(json: json, config: json, path: "t.json")
        let ids = tokenizer.encode("The quick <s> brown fox\n日本", special: true)
        #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
        _ = tokenizer.decode(ids)
        accepted += 1
      } catch { #expect(error is any Failure) }
    }
    #expect(accepted > 0)
  }

  @Test func expressionsThatNeverEndDoEnd() throws {
    let json = try JSON.parse(
      #"""
      {"model": {"vocab": {"a": 0}, "merges": []},
       "pre_tokenizer": {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(a+)+$"}}}
      """#)
    let tokenizer = try Tokenizer(json: json, config: nil, path: "t.json")
    #expect(tokenizer.encode(String(repeating: "a", count: 40) + "!").count == 40)
  }
}

import JSON
import TestSupport
import Testing

@testable import Tokenizers

/// Against ids and texts that Hugging Face's `tokenizers` 0.22.1 gave for the same files.
struct FixtureTests {
  @Test(arguments: ["tokenizer", "sentencepiece"])
  func equalsTheReferenceLibrary(folder: String) throws {
    let path = "\(Shared.fixtures)/\(folder)"
    let tokenizer = try Tokenizer(folder: path)
    let examples = try #require(try TokenizerFixture.json("\(path)/expected.json").arrayValue)
    #expect(examples.count == 20)
    for example in examples {
      let text = try #require(example["text"]?.stringValue)
      let ids = tokenizer.encode(text)
      #expect(ids == example["ids"]?.ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text, special: true) == example["special"]?.ids)
      #expect(bytes(tokenizer.decode(ids)) == bytes(example["decoded"]?.stringValue))
      #expect(
        bytes(tokenizer.decode(ids, skipSpecial: true)) == bytes(example["skipped"]?.stringValue))
    }
  }

  /// Every component with its settings, on two small models.
  @Test func componentsEqualTheReferenceLibrary() throws {
    let file = try TokenizerFixture.json("\(Shared.fixtures)/tokenizer-components.json")
    let cases = try #require(file["cases"]?.arrayValue)
    #expect(cases.count > 35)
    for entry in cases {
      let name = try #require(entry["name"]?.stringValue)
      var model = try #require(file["models"]?[entry["model"]?.stringValue ?? ""]?.objectValue)
      for (key, value) in try #require(entry["settings"]?.objectValue) { model[key] = value }
      var document = try #require(entry["sections"]?.objectValue)
      document["model"] = .object(model)
      let tokenizer = try Tokenizer(json: .object(document), config: nil, path: name)
      for example in try #require(entry["examples"]?.arrayValue) {
        let text = try #require(example[0]?.stringValue)
        let ids = tokenizer.encode(text)
        #expect(ids == example[1]?.ids, "\(name): \(text.debugDescription)")
        #expect(
          bytes(tokenizer.decode(ids)) == bytes(example[2]?.stringValue),
          "\(name): \(text.debugDescription)")
        #expect(
          tokenizer.encode(text, special: true) == (example[3] ?? example[1])?.ids, "\(name)")
      }
    }
  }

  /// Swift strings are equal where they are canonically equivalent; here bytes count.
  private func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }

  @Test func whatTheFilesSay() throws {
    let bytes = try TokenizerFixture.bytes.get()
    #expect(bytes.vocabularySize == 2048)
    #expect(bytes.bos == 1 && bytes.eos == 0 && bytes.pad == 0)
    #expect(bytes.chatTemplate == nil)
    #expect(bytes.pieces(bytes.encode("Hello world")).joined() == "HelloĠworld")
    #expect(bytes.id(of: "<s>") == 1 && bytes.token(of: 1) == "<s>" && bytes.isSpecial(1))
    #expect(bytes.token(of: 2048) == nil && bytes.token(of: -1) == nil)
    #expect(bytes.id(of: "no such token") == nil)

    let characters = try TokenizerFixture.characters.get()
    #expect(characters.vocabularySize == 621)
    #expect(characters.bos == 1 && characters.eos == 2)
    #expect(characters.pad == nil, "`<pad>` is no token of this vocabulary")
    #expect(characters.chatTemplate == "{{ messages }}")
    #expect(characters.id(of: "<|end|>") == 620 && characters.isSpecial(620))
  }

  @Test func theHashTellsTokenizersApart() throws {
    let path = "\(Shared.fixtures)/sentencepiece/tokenizer.json"
    let json = try TokenizerFixture.json(path)
    var object = try #require(json.objectValue)
    let tokenizer = try Tokenizer(json: json, config: nil, path: path)
    #expect(tokenizer.contentHash == (try TokenizerFixture.characters.get().contentHash))
    #expect(tokenizer.contentHash != (try TokenizerFixture.bytes.get().contentHash))
    object["post_processor"] = nil
    let other = try Tokenizer(json: .object(object), config: nil, path: path)
    #expect(other.contentHash == tokenizer.contentHash)
    object["normalizer"] = nil
    let third = try Tokenizer(json: .object(object), config: nil, path: path)
    #expect(third.contentHash != tokenizer.contentHash)
  }

  @Test func threadsShareOneTokenizer() async throws {
    let tokenizer = try TokenizerFixture.bytes.get()
    let words = ["one two three", "x = y + 1", "naïve café", "\n\n\tif (a) {"]
    let expected = words.map { tokenizer.encode($0) }
    await withTaskGroup(of: Bool.self) { group in
      for task in 0..<16 {
        group.addTask {
          (0..<50).allSatisfy {
            tokenizer.encode(words[($0 + task) % 4]) == expected[($0 + task) % 4]
          }
        }
      }
      for await isEqual in group { #expect(isEqual) }
    }
  }
}

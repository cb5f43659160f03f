import JSON
import TestSupport
import Testing

@testable import Tokenizers

struct BPETests {
  /// The definition: of all adjacent pairs the one of lowest rank merges, the leftmost first.
  private func merged(_ symbols: [String], _ ranks: [[String]: Int]) -> [String] {
    var symbols = symbols
    while true {
      var best: (rank: Int, place: Int)?
      for place in symbols.indices.dropLast() {
        guard let rank = ranks[[symbols[place], symbols[place + 1]]] else { continue }
        if best.map({ rank < $0.rank }) ?? true { best = (rank, place) }
      }
      guard let best else { return symbols }
      symbols[best.place] += symbols.remove(at: best.place + 1)
    }
  }

  private func ranks(_ folder: String) throws -> [[String]: Int] {
    let file = try TokenizerFixture.json("\(Shared.fixtures)/\(folder)/tokenizer.json")
    let merges = try #require(file["model"]?["merges"]?.arrayValue)
    var ranks: [[String]: Int] = [:]
    for (rank, merge) in merges.enumerated() {
      ranks[merge.arrayValue?.compactMap(\.stringValue) ?? []] = rank
    }
    return ranks
  }

  @Test(arguments: [2, 5, 39, 40, 41, 42, 77, 200])
  func wordsOfAnyLengthMergeAsDefined(count: Int) throws {
    let tokenizer = try TokenizerFixture.bytes.get()
    let ranks = try ranks("tokenizer")
    var random = TokenizerFixture.Random(state: UInt64(count))
    for alphabet in ["ab", "etaoinsr", "aaaaab", "retunfxi"] {
      let word = String((0..<count).compactMap { _ in alphabet.randomElement(using: &random) })
      #expect(
        tokenizer.pieces(tokenizer.encode(word)) == merged(word.map { String($0) }, ranks),
        "\(word)")
    }
  }

  @Test(arguments: [3, 30, 300])
  func textsThatAreCutAtSpacesMergeAsDefined(count: Int) throws {
    let tokenizer = try TokenizerFixture.characters.get()
    let ranks = try ranks("sentencepiece")
    var random = TokenizerFixture.Random(state: UInt64(count))
    for _ in 0..<3 {
      let text = String(
        (0..<count).compactMap { _ in "the of  in(x)\n".randomElement(using: &random) })
      let spelled = "▁" + String(text.map { $0 == " " ? "▁" : $0 })
      let expected = merged(spelled.map { String($0) }, ranks)
      #expect(tokenizer.pieces(tokenizer.encode(text)) == expected, "\(text)")
    }
  }

  @Test func theWordCacheChangesNothing() throws {
    let path = "\(Shared.fixtures)/tokenizer"
    let tokenizer = try Tokenizer(folder: path)
    var random = TokenizerFixture.Random(state: 1)
    // More words than the cache holds.
    var words: [String] = []
    for _ in 0..<40_000 { words.append(String(random.next() % 1_000_000, radix: 36)) }
    let first = words.map { tokenizer.encode($0) }
    for place in stride(from: 0, to: words.count, by: 37) {
      #expect(tokenizer.encode(words[place]) == first[place])
      #expect(tokenizer.decode(first[place]) == words[place])
    }
  }

  @Test func longTextsWithoutSpaces() throws {
    for tokenizer in [try TokenizerFixture.bytes.get(), try TokenizerFixture.characters.get()] {
      for text in [String(repeating: "a", count: 20_000), String(repeating: " ", count: 20_000)] {
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
      }
    }
  }
}

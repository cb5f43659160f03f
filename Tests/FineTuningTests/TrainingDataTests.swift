import Testing

@testable import FineTuning

struct TrainingDataTests {
  /// Rows that hold nothing and rows that are too short want different things done.
  @Test func nothingToTrainOnSaysWhatToDo() {
    let empty = NothingToTrainOn(rows: 1, tokens: 0, length: 1024)
    #expect(empty.message == "1 row with 0 tokens does not fill one block of 1024 tokens")
    #expect(empty.help?.contains("template=") == true)
    let short = NothingToTrainOn(rows: 2, tokens: 1, length: nil)
    #expect(short.message == "2 rows with 1 token leave nothing to predict")
    #expect(short.help?.contains("more rows") == true)
  }

  /// Every id appears about as often as any other.
  @Test func randomTokensAreUniform() {
    let data = TrainingData.random(blocks: 50, length: 200, vocabulary: 10, seed: 4)
    #expect(data.examples.count == 50 && data.tokens == 10_000)
    var counts = [Int](repeating: 0, count: 10)
    for example in data.examples { for token in example.tokens { counts[Int(token)] += 1 } }
    // Five standard deviations of a binomial of 10,000 at 0.1 are 150.
    #expect(counts.allSatisfy { abs($0 - 1000) < 150 })
    #expect(data.examples[0] != data.examples[1])
    #expect(
      data.examples
        == TrainingData.random(blocks: 50, length: 200, vocabulary: 10, seed: 4).examples)
    #expect(
      data.examples
        != TrainingData.random(blocks: 50, length: 200, vocabulary: 10, seed: 5).examples)
  }

  @Test func targetsAreTheNextTokens() {
    #expect(TrainingExample(tokens: [5, 6, 7]).targets == [6, 7, -1])
    #expect(TrainingExample(tokens: [5, 6, 7]).predictions == 2)
    #expect(TrainingExample(tokens: [5]).targets == [-1])
    #expect(TrainingExample(tokens: []).predictions == 0)
    let masked = TrainingExample(tokens: [5, 6, 7], predicted: [true, false, true])
    #expect(masked.targets == [-1, 7, -1])
    #expect(masked.predictions == 1)
  }
}

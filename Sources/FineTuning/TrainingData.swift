import Runtime
import Tensor

/// One sequence to train on.
public struct TrainingExample: Sendable, Hashable {
  public var tokens: [Int32]
  /// Which tokens the model is asked to predict, one flag per token; nil for all. The first token is never predicted.
  public var predicted: [Bool]?

  public init(tokens: [Int32], predicted: [Bool]? = nil) {
    self.tokens = tokens
    self.predicted = predicted
  }

  /// What each position is asked for: the next token, or -1 where nothing is asked.
  public var targets: [Int32] {
    var targets = [Int32](repeating: -1, count: tokens.count)
    for place in tokens.indices.dropLast() where predicted?[place + 1] ?? true {
      targets[place] = tokens[place + 1]
    }
    return targets
  }

  /// Tokens that the model is asked to predict.
  public var predictions: Int {
    guard let predicted else { return max(0, tokens.count - 1) }
    return predicted.dropFirst().reduce(0) { $0 + ($1 ? 1 : 0) }
  }
}

/// Sequences to train on, ready for the model.
public struct TrainingData: Sendable {
  public var examples: [TrainingExample]
  /// How the examples were made of the data, for reports: `"packed into blocks of 256"`.
  public var packing: String
  /// Rows that gave no example because nothing of them was left to predict.
  public var skipped: Int

  public init(examples: [TrainingExample], packing: String, skipped: Int = 0) {
    self.examples = examples
    self.packing = packing
    self.skipped = skipped
  }

  public var tokens: Int { examples.reduce(0) { $0 + $1.tokens.count } }

  /// Blocks of random token ids, for timing: the work of real data without any.
  ///
  /// - Parameters:
  ///   - blocks: How many blocks.
  ///   - length: Tokens per block.
  ///   - vocabulary: Ids are uniform in `0..<vocabulary`.
  public static func random(blocks: Int, length: Int, vocabulary: Int, seed: UInt64) -> TrainingData
  {
    let examples = (0..<max(0, blocks)).map { index in
      let stream = RandomStream(seed: seed, purpose: "random tokens", index: UInt64(index))
      return TrainingExample(
        tokens: (0..<length).map { Int32((UInt64(stream[$0]) * UInt64(vocabulary)) >> 32) })
    }
    return TrainingData(examples: examples, packing: "random blocks of \(length)")
  }
}

/// Data of which nothing is left to train on.
public struct NothingToTrainOn: Failure, Equatable {
  public var rows: Int
  /// Tokens in all rows.
  public var tokens: Int
  /// The block length asked for, where the rows were packed.
  public var length: Int?

  public init(rows: Int, tokens: Int, length: Int?) {
    self.rows = rows
    self.tokens = tokens
    self.length = length
  }

  public var message: String {
    let found = "\(Words.counted(rows, "row")) with \(Words.counted(tokens, "token"))"
    let isOne = rows == 1
    return length.map {
      "\(found) \(isOne ? "does" : "do") not fill one block of \(Words.counted($0, "token"))"
    } ?? "\(found) \(isOne ? "leaves" : "leave") nothing to predict"
  }
  public var help: String? {
    tokens == 0
      ? "the text is empty: look at the dataset's template= or field=, and at the slice"
      : "use more rows, a smaller length=, or pack=no"
  }
}

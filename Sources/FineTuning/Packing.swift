import Data
import Runtime
import Tokenizers

/// How rows become sequences to train on.
public enum Packing: Sendable, Hashable {
  /// As Olive packs: rows tokenized one by one, each followed by the tokens of a blank line, cut into blocks.
  case blocks
  /// Row by row, cut off at the length.
  case rows(Mask)

  /// What of a row the model is asked to predict.
  public enum Mask: String, Sendable, Hashable, CaseIterable {
    /// Everything after the first token.
    case none
    /// The response alone.
    case response
  }
}

extension TrainingData {
  /// The rows of `dataset` as sequences of at most `length` tokens.
  ///
  /// - Parameters:
  ///   - blocks: How many blocks of a dataset of random tokens to make; such a dataset has no end of its own.
  ///   - vocabulary: The ids that random tokens are drawn from.
  /// - Throws: `NothingToTrainOn`, `Cancelled`, and what the dataset throws.
  public init(
    _ dataset: Dataset, tokenizer: Tokenizer, packing: Packing, length: Int, blocks: Int,
    vocabulary: Int
  ) throws {
    if case .randomTokens(let seed) = dataset.kind {
      self = .random(blocks: blocks, length: length, vocabulary: vocabulary, seed: seed)
      return
    }
    switch packing {
    case .blocks:
      try self.init(blocksOf: dataset, tokenizer: tokenizer, length: length)
    case .rows(let mask):
      try self.init(rowsOf: dataset, tokenizer: tokenizer, mask: mask, length: length)
    }
  }

  private init(blocksOf dataset: Dataset, tokenizer: Tokenizer, length: Int) throws {
    var tokens = 0
    var steps = Steps("tokenize", of: dataset.count, unit: "rows")
    let rows = try (0..<dataset.count).map { index in
      try steps.advance()
      let ids = tokenizer.encode(try dataset.text(at: index))
      tokens += ids.count
      return ids
    }
    let blocks = joinedBlocks(rows, separator: tokenizer.encode("\n\n"), length: length)
    guard !blocks.isEmpty, length > 1 else {
      throw NothingToTrainOn(rows: dataset.count, tokens: tokens, length: length)
    }
    self.init(
      examples: blocks.map { TrainingExample(tokens: $0) },
      packing:
        "\(Words.counted(dataset.count, "row")) packed into \(Words.counted(blocks.count, "block")) of \(length)"
    )
  }

  private init(rowsOf dataset: Dataset, tokenizer: Tokenizer, mask: Packing.Mask, length: Int)
    throws
  {
    var examples: [TrainingExample] = []
    var tokens = 0
    var steps = Steps("tokenize", of: dataset.count, unit: "rows")
    for index in 0..<dataset.count {
      try steps.advance()
      var example: TrainingExample
      switch mask {
      case .none:
        example = TrainingExample(tokens: tokenizer.encode(try dataset.text(at: index)))
      case .response:
        let (text, range) = try dataset.response(at: index)
        example = TrainingExample(text, response: range, tokenizer: tokenizer)
      }
      tokens += example.tokens.count
      example.tokens.removeLast(max(0, example.tokens.count - length))
      if let predicted = example.predicted {
        example.predicted = Array(predicted.prefix(length))
      }
      if example.predictions > 0 { examples.append(example) }
    }
    guard !examples.isEmpty else {
      throw NothingToTrainOn(rows: dataset.count, tokens: tokens, length: nil)
    }
    self.init(
      examples: examples,
      packing: "row by row, at most \(length) tokens"
        + (mask == .response ? ", responses alone predicted" : ""),
      skipped: dataset.count - examples.count)
  }
}

extension TrainingExample {
  /// A text of which only the part `response`, given in UTF-8 bytes, is predicted.
  ///
  /// The text is tokenized whole, as it will be seen; tokens that the texts up to the part's start and up to its end
  /// have in common with it lie before those points. A token that reaches across the start belongs to the response.
  init(_ text: String, response: Range<Int>, tokenizer: Tokenizer) {
    let tokens = tokenizer.encode(text)
    func tokensBefore(_ end: Int) -> Int {
      if end >= text.utf8.count { return tokens.count }
      let prefix = tokenizer.encode(String(decoding: text.utf8.prefix(end), as: UTF8.self))
      return zip(tokens, prefix).prefix(while: ==).reduce(0) { count, _ in count + 1 }
    }
    let start = tokensBefore(response.lowerBound)
    let end = tokensBefore(response.upperBound)
    self.init(
      tokens: tokens, predicted: tokens.indices.map { $0 >= start && $0 < end })
  }
}

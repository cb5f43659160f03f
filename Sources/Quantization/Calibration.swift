import Data
import Runtime
import Tensor
import Tokenizers

/// The tokens that a model is calibrated on: blocks of equal length, as Olive's `join` cuts them.
public struct CalibrationData: Sendable {
  public let blocks: [[Int32]]
  /// Where they come from, for reports.
  public let source: String

  /// Blocks as they are.
  public init(blocks: [[Int32]], source: String) {
    self.blocks = blocks
    self.source = source
  }

  public var samples: Int { blocks.count }
  public var tokens: Int { blocks.reduce(0) { $0 + $1.count } }

  /// The first `samples` blocks of a dataset, or with `seed` as many drawn at random.
  ///
  /// Rows are tokenized without special tokens, each is followed by the tokens of a blank line, and the whole is cut into
  /// blocks of `length` without overlap; the tail is dropped. A `random` dataset gives random ids below `vocabulary`.
  ///
  /// - Throws: `QuantizationFailure.tooFewSamples` with what there is, `DatasetFailure`, `Cancelled`.
  public init(
    _ dataset: Dataset, tokenizer: Tokenizer, vocabulary: Int, samples: Int, length: Int,
    seed: UInt64? = nil
  ) throws {
    guard samples > 0 else { throw QuantizationFailure.notPositive("samples") }
    guard length > 1 else { throw QuantizationFailure.notPositive("length") }
    source = dataset.label
    if case .randomTokens(let own) = dataset.kind {
      let stream = RandomStream(seed: seed ?? own, purpose: "calibration tokens")
      let bound = UInt64(max(1, min(vocabulary, tokenizer.vocabularySize)))
      blocks = (0..<samples).map { block in
        (0..<length).map { Int32((UInt64(stream[block * length + $0]) * bound) >> 32) }
      }
      return
    }
    let (wanted, overflow) = samples.multipliedReportingOverflow(by: length)
    guard !overflow else {
      throw QuantizationFailure.tooFewSamples(
        wanted: samples, available: 0, length: length, data: dataset.label)
    }
    let separator = tokenizer.encode("\n\n")
    var rows: [[Int32]] = []
    var tokens = 0
    // All rows where blocks are drawn from them, else as many as fill the blocks.
    var steps = Steps(
      "tokenize", of: seed == nil ? wanted : dataset.count, unit: seed == nil ? "tokens" : "rows")
    for index in 0..<dataset.count {
      let row = tokenizer.encode(try dataset.text(at: index))
      tokens += row.count + separator.count
      try steps.advance(by: seed == nil ? row.count + separator.count : 1)
      rows.append(row)
      // A block starts only where more than `length` tokens are left.
      if seed == nil, tokens > wanted { break }
    }
    let all = joinedBlocks(
      rows, separator: separator, length: length, limit: seed == nil ? samples : .max)
    guard all.count >= samples else {
      throw QuantizationFailure.tooFewSamples(
        wanted: samples, available: all.count, length: length, data: dataset.label)
    }
    if let seed {
      let order = RandomStream(seed: seed, purpose: "calibration blocks").permutation(all.count)
      blocks = order.prefix(samples).map { all[$0] }
    } else {
      blocks = all
    }
  }
}

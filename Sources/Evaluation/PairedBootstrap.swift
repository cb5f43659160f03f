import Runtime
import Tensor

/// Whether two models really differ: a bootstrap over documents of the difference in nats per token, paired by document.
///
/// Tokens of one document are not independent of each other, so whole documents are drawn; and both models scored the
/// same documents, so the differences are drawn rather than the scores, which cancels what is hard about a document.
///
/// *Paper:* Efron and Tibshirani, "An introduction to the bootstrap" (1993), chapters 13 and 16; for paired comparison of
/// systems, Koehn, "Statistical significance tests for machine translation evaluation" (2004).
public struct PairedBootstrap: Sendable, Hashable {
  /// Mean nll of the first arm less that of the second, nats per token: negative where the first is better.
  public var difference: Double
  /// The percentile interval of the difference at `level`.
  public var interval: ClosedRange<Double>
  /// The coverage of the interval, for example 0.95.
  public var level: Double
  /// Two-sided: how often documents that do not differ on average would show at least this difference.
  public var probability: Double
  /// The standard deviation of the difference over resamples.
  public var standardError: Double
  public var documents: Int
  public var tokens: Int
  public var resamples: Int

  /// Whether the data cannot tell the arms apart: the interval holds 0.
  public var isTie: Bool { interval.contains(0) }

  /// Compares two arms that scored the same documents.
  ///
  /// - Parameters:
  ///   - first: Scores of the first arm, one per document.
  ///   - second: Scores of the second arm, of the same documents in the same order.
  /// - Throws: `UnpairedScores` where the documents are not the same.
  /// - Guarantee: the same scores, seed and number of resamples give the same result.
  public init(
    _ first: [Score], _ second: [Score], resamples: Int = 10_000, level: Double = 0.95,
    seed: UInt64 = 0
  ) throws {
    let documents = first.count
    guard documents == second.count, documents > 0 else {
      throw UnpairedScores(first: first.count, second: second.count, document: nil)
    }
    var differences = [Double](repeating: 0, count: documents)
    var lengths = [Double](repeating: 0, count: documents)
    for index in first.indices {
      guard first[index].tokens == second[index].tokens else {
        throw UnpairedScores(
          first: first[index].tokens, second: second[index].tokens, document: index)
      }
      differences[index] = first[index].nll - second[index].nll
      lengths[index] = Double(first[index].tokens)
    }
    let tokens = lengths.reduce(0, +)
    guard tokens > 0 else { throw UnpairedScores(first: 0, second: 0, document: nil) }
    let observed = differences.reduce(0, +) / tokens

    var drawn = try PairedBootstrap.draw(
      differences, lengths, resamples: max(1, resamples), seed: seed)
    let count = Double(drawn.count)
    let mean = drawn.reduce(0, +) / count
    let variance = drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)
    // Centred on the observed difference, the resamples stand for documents that do not differ. Rounding must not decide
    // a comparison of equals, hence the slack.
    let slack = 1e-12 * max(1e-300, abs(observed))
    let extreme = drawn.reduce(0) { $0 + (abs($1 - observed) >= abs(observed) - slack ? 1 : 0) }

    drawn.sort()
    let tail = (1 - level) / 2
    self.difference = observed
    self.interval =
      PairedBootstrap.quantile(drawn, tail)...PairedBootstrap.quantile(drawn, 1 - tail)
    self.level = level
    self.probability = observed == 0 ? 1 : Double(extreme + 1) / (count + 1)
    self.standardError = variance.squareRoot()
    self.documents = documents
    self.tokens = Int(tokens)
    self.resamples = drawn.count
  }

  /// The difference of each resample: as many documents as there are, drawn with replacement.
  private static func draw(
    _ differences: [Double], _ lengths: [Double], resamples: Int, seed: UInt64
  ) throws -> [Double] {
    let documents = differences.count
    let pairs = zip(differences, lengths).map { SIMD2($0, $1) }
    var result = [Double](repeating: 0, count: resamples)
    try pairs.withUnsafeBufferPointer { pairs in
      for resample in 0..<resamples {
        if resample % 256 == 0 { try Interrupt.check() }
        let stream = RandomStream(
          seed: seed, purpose: "paired bootstrap", index: UInt64(resample))
        var sum = SIMD2<Double>.zero
        var place = 0
        var counter: UInt64 = 0
        while place < documents {
          let words = stream.block(counter)
          counter += 1
          for lane in 0..<min(4, documents - place) {
            // The upper half of a 32 by 32 bit product: uniform over the documents up to 2^-32.
            sum += pairs[Int((UInt64(words[lane]) * UInt64(documents)) >> 32)]
          }
          place += 4
        }
        // Documents of no tokens alone say nothing; the observed difference would be 0/0 too.
        result[resample] = sum.y > 0 ? sum.x / sum.y : 0
      }
    }
    return result
  }

  /// The quantile of sorted values, interpolated between neighbours.
  static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = min(max(share, 0), 1) * Double(sorted.count - 1)
    let low = Int(place)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }

  /// About how many documents like these would tell the arms apart four times in five, if the observed difference is the
  /// true one; nil where no difference was observed.
  ///
  /// The standard error falls with the square root of the number of documents; 2.80 standard errors are 1.96 for the
  /// 95% interval and 0.84 for the power.
  public var documentsToDecide: Int? {
    guard difference != 0, standardError > 0 else { return nil }
    let ratio = 2.80 * standardError / abs(difference)
    let needed = Double(documents) * ratio * ratio
    return needed < 1e12 ? Int(needed.rounded(.up)) : nil
  }

  /// Probabilities corrected for their number, in their order: the chance of even one false difference among them stays
  /// below the level at which a corrected probability is judged.
  ///
  /// *Paper:* Holm, "A simple sequentially rejective multiple test procedure" (1979).
  public static func corrected(_ probabilities: [Double]) -> [Double] {
    let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
    var result = probabilities
    var least = 0.0
    for (rank, index) in order.enumerated() {
      least = max(least, min(1, probabilities[index] * Double(probabilities.count - rank)))
      result[index] = least
    }
    return result
  }
}

/// Two arms whose scores are not of the same documents.
public struct UnpairedScores: Failure, Equatable {
  /// Documents of each arm, or tokens where `document` is given.
  public var first: Int
  public var second: Int
  /// The first document whose token counts differ.
  public var document: Int?

  public init(first: Int, second: Int, document: Int?) {
    self.first = first
    self.second = second
    self.document = document
  }

  public var message: String {
    if let document {
      return
        "document \(document) was scored on \(first) tokens in one arm and \(second) in the other"
    }
    if first == 0 && second == 0 { return "no scored documents to compare" }
    return "one arm scored \(first) documents and the other \(second)"
  }
  public var help: String? { "compare arms with the same data, protocol and tokenizer" }
}

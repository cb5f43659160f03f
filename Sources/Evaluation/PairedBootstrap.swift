import Runtime

/// Whether two models really differ: the difference in nats per token, paired by document, with what a bootstrap over
/// documents says about it (see `ArmsBootstrap`).
public struct PairedBootstrap: Sendable, Hashable {
  /// Mean nll of the first arm less that of the second, nats per token: negative where the first is better.
  public var difference: Double
  /// The percentile interval of the difference at `level`, widened for few documents.
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
    self = try ArmsBootstrap([first, second], resamples: resamples, seed: seed)
      .compare(0, 1, level: level)
  }

  init(
    difference: Double, interval: ClosedRange<Double>, level: Double, probability: Double,
    standardError: Double, documents: Int, tokens: Int, resamples: Int
  ) {
    self.difference = difference
    self.interval = interval
    self.level = level
    self.probability = probability
    self.standardError = standardError
    self.documents = documents
    self.tokens = tokens
    self.resamples = resamples
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
    return "one arm scored \(Words.counted(first, "document")) and the other \(second)"
  }
  public var help: String? { "compare arms with the same data, protocol and tokenizer" }
}

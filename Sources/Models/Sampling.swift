import Glibc
import Tensor

/// How the next token is chosen.
public struct Sampling: Sendable, Hashable {
  /// 0 takes the likeliest token; more flattens the distribution.
  public var temperature: Float
  /// Only the k likeliest tokens, or all.
  public var topK: Int?
  /// Only the likeliest tokens that together have this probability, or all.
  public var topP: Float?
  public var seed: UInt64

  public init(temperature: Float = 0, topK: Int? = nil, topP: Float? = nil, seed: UInt64 = 42) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// The token that follows, given the scores of all. `index` counts the draws: the same seed, index and scores give
  /// the same token.
  ///
  /// - Throws: `NotFinite` where a score is NaN or all are −∞.
  public func choose(_ logits: [Float], index: Int) throws -> Int32 {
    var best = -1
    for (id, score) in logits.enumerated() {
      guard !score.isNaN else { throw NotFinite(operation: "sample", what: "score of token \(id)") }
      if best < 0 || score > logits[best] { best = id }
    }
    guard best >= 0, logits[best].isFinite else {
      throw NotFinite(operation: "sample", what: "best score")
    }
    guard temperature > 0 else { return Int32(best) }
    let top = Double(logits[best])
    func weight(_ id: Int) -> Double { exp((Double(logits[id]) - top) / Double(temperature)) }
    // What is e⁴⁰ times less likely than the best never comes, even with a vocabulary of millions.
    let floor = logits[best] - 40 * temperature
    var order = logits.indices.filter { logits[$0] >= floor }
    if topK != nil || topP != nil {
      // By falling score; equal scores by id, so that the choice never depends on the sort.
      order.sort { (logits[$1], $0) < (logits[$0], $1) }
    }
    if let topK, topK > 0 { order.removeLast(max(0, order.count - topK)) }
    var weights = order.map(weight)
    if let topP, topP < 1 {
      let limit = Double(max(topP, 0)) * weights.reduce(0, +)
      var sum = 0.0
      var kept = 0
      while kept < weights.count, kept == 0 || sum < limit {
        sum += weights[kept]
        kept += 1
      }
      weights.removeLast(weights.count - kept)
    }
    let words = RandomStream(seed: seed, purpose: "sample").block(UInt64(index))
    let uniform = Double(UInt64(words.x) << 21 ^ UInt64(words.y) >> 11) * 0x1p-53
    var left = uniform * weights.reduce(0, +)
    for (place, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return Int32(order[place]) }
    }
    return Int32(order[weights.count - 1])
  }
}

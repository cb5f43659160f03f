import Runtime

#if canImport(Glibc)
  import Glibc
#endif

/// Which of several arms really differ, once the documents, the number of comparisons and the noise of training are allowed
/// for. A tie is an answer.
public struct Verdict: Sendable {
  public struct Arm: Sendable {
    public var label: String
    /// What it is compared within, a method for instance; nil for arms that stand alone.
    public var group: String?
    /// Scores of the same documents, once for each repetition with other seeds.
    public var repetitions: [[Score]]

    public init(label: String, group: String? = nil, repetitions: [[Score]]) {
      self.label = label
      self.group = group
      self.repetitions = repetitions
    }

    /// The mean score of each document over all repetitions.
    var mean: [Score] {
      guard let first = repetitions.first, repetitions.count > 1 else {
        return repetitions.first ?? []
      }
      return first.indices.map { document in
        let sum = repetitions.reduce(0) { $0 + $1[document].nll }
        return Score(nll: sum / Double(repetitions.count), tokens: first[document].tokens)
      }
    }
  }

  /// Two arms compared.
  public struct Comparison: Sendable {
    public enum Kind: String, Sendable {
      /// With the arm that everything is measured by.
      case reference
      /// With the best arm of the group.
      case order
      /// The best arm of a group with the best of all.
      case group
    }

    public var kind: Kind
    public var arm: String
    public var against: String
    public var group: String?
    public var result: PairedBootstrap
    /// The probability corrected for the number of comparisons.
    public var probability: Double
    /// How large a mean difference the seeds alone may show; nil where nothing was repeated.
    public var noiseFloor: Double?
    /// Repetitions of the same size that would bring the floor below the difference.
    public var seedsToDecide: Int?
    public var level: Double

    /// Whether documents tell the arms apart: by the corrected probability, and by the interval, which sees skew.
    var isSignificant: Bool { probability <= 1 - level && !result.isTie }
    /// Whether the seeds alone could have made the difference.
    public var isNoise: Bool { noiseFloor.map { abs(result.difference) <= $0 } ?? false }
    public var isTie: Bool { !isSignificant || isNoise }
    /// `tie`, `worse`, `better`: how the arm stands to the one it is compared with.
    public var word: String { isTie ? "tie" : result.difference > 0 ? "worse" : "better" }
    /// How much larger the arm's perplexity is, as a share.
    public var perplexityChange: Double { expm1(result.difference) }
  }

  public var comparisons: [Comparison]
  /// The arm with the least mean nll, the reference aside where the others are in groups.
  public var best: String
  public var documents: Int
  public var resamples: Int
  public var repetitions: Int
  /// Comparisons that the probabilities are corrected for: also those that were made to find the best.
  public var corrected: Int

  /// - Parameters:
  ///   - reference: The index of the arm that all others are compared with; nil for none.
  ///   - level: The confidence of intervals, and what a corrected probability is judged by.
  /// - Throws: `UnpairedScores`, `Cancelled`.
  ///
  /// *Paper:* Holm, "A simple sequentially rejective multiple test procedure" (1979).
  public init(
    _ arms: [Arm], reference: Int? = nil, resamples: Int = 10_000, level: Double = 0.95,
    seed: UInt64 = 0
  ) throws {
    repetitions = arms.map(\.repetitions.count).min() ?? 0
    for arm in arms {
      for other in arm.repetitions {
        guard other.map(\.tokens) == arm.repetitions[0].map(\.tokens) else {
          throw UnpairedScores(
            first: arm.repetitions[0].count, second: other.count, document: nil)
        }
      }
    }
    let means = arms.map(\.mean)
    let bootstrap = try ArmsBootstrap(means, resamples: resamples, seed: seed)
    documents = bootstrap.documents
    self.resamples = bootstrap.resamples

    let nll = means.map { $0.total.mean }
    func least(_ places: [Int]) -> Int { places.min { nll[$0] < nll[$1] } ?? 0 }
    let others = arms.indices.filter { $0 != reference }
    let isGrouped = others.contains { arms[$0].group != nil }
    var groups: [[Int]] = []
    for place in others where !isGrouped || arms[place].group != nil {
      if let index = groups.firstIndex(where: { arms[$0[0]].group == arms[place].group }) {
        groups[index].append(place)
      } else {
        groups.append([place])
      }
    }
    let bests = groups.map(least)
    let winner = bests.isEmpty ? least(Array(arms.indices)) : least(bests)

    var shown: [(kind: Comparison.Kind, arm: Int, against: Int)] = []
    var hidden: [(Int, Int)] = []
    if let reference { shown += others.map { (.reference, $0, reference) } }
    if reference == nil || isGrouped {
      // The best was chosen by looking, so all pairs count that could have been chosen.
      for (group, best) in zip(groups, bests) {
        for (place, first) in group.enumerated() {
          for second in group[(place + 1)...] {
            if first == best || second == best {
              shown.append((.order, first == best ? second : first, best))
            } else {
              hidden.append((first, second))
            }
          }
        }
      }
      for (place, first) in bests.enumerated() {
        for second in bests[(place + 1)...] {
          if first == winner || second == winner {
            shown.append((.group, first == winner ? second : first, winner))
          } else {
            hidden.append((first, second))
          }
        }
      }
    }
    var steps = Steps("compare", of: shown.count + hidden.count, unit: "pairs")
    let results = try shown.map { pair in
      try steps.advance()
      return bootstrap.compare(pair.arm, pair.against, level: level)
    }
    let rest = try hidden.map { pair in
      try steps.advance()
      return bootstrap.compare(pair.0, pair.1, level: level).probability
    }
    let probabilities = PairedBootstrap.corrected(results.map(\.probability) + rest)
    corrected = probabilities.count
    best = arms.isEmpty ? "" : arms[winner].label
    comparisons = shown.indices.map { index in
      let (kind, arm, against) = shown[index]
      let noise = Verdict.noise(arms[arm], arms[against])
      let size = abs(results[index].difference)
      let seeds = noise.flatMap { noise -> Int? in
        guard size > 0, size <= noise.floor, noise.deviation > 0 else { return nil }
        let needed = (2.8 * noise.deviation / size) * (2.8 * noise.deviation / size)
        return needed < 1e6 ? Int(needed.rounded(.up)) : nil
      }
      return Comparison(
        kind: kind, arm: arms[arm].label, against: arms[against].label, group: arms[arm].group,
        result: results[index], probability: probabilities[index], noiseFloor: noise?.floor,
        seedsToDecide: seeds, level: level)
    }
  }

  /// The noise of a mean difference over repetitions: half the width of its 95% interval (Student's), and the deviation of
  /// one repetition. Repetitions of both arms with the same number share their seed, and so are paired.
  static func noise(_ first: Arm, _ second: Arm) -> (floor: Double, deviation: Double)? {
    let count = min(first.repetitions.count, second.repetitions.count)
    guard count > 1 else { return nil }
    let differences = (0..<count).map {
      first.repetitions[$0].total.mean - second.repetitions[$0].total.mean
    }
    let mean = differences.reduce(0, +) / Double(count)
    let variance =
      differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
    let deviation = variance.squareRoot()
    return (student(count - 1) * deviation / Double(count).squareRoot(), deviation)
  }

  /// The 97.5% quantile of Student's distribution: tabulated for few degrees of freedom, where expansions are poor.
  static func student(_ freedom: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    ]
    if freedom >= 1, freedom <= table.count { return table[freedom - 1] }
    let z = 1.959964
    return z + (z * z * z + z) / (4 * Double(max(freedom, 1)))
  }
}

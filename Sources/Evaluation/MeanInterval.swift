/// How well the documents that were scored tell a mean likelihood: its 95% interval, nats per token.
///
/// Tokens of one document depend on each other, so documents are what is counted. The mean is a ratio of sums, whose
/// variance is that of the documents' residuals.
///
/// *Paper:* Cochran, "Sampling techniques" (1977), section 6; Cousineau, "Confidence intervals in within-subject designs"
/// (2005) and Morey's correction (2008) for the paired ones.
public enum MeanInterval {
  /// Standard errors to each side of a 95% interval.
  static let reach = 1.959_963_984_540_054

  /// The interval of one set of scores. Nil for fewer than two documents.
  public static func of(_ scores: [Score]) -> ClosedRange<Double>? {
    let total = scores.total
    guard scores.count > 1, total.tokens > 0 else { return nil }
    return interval(residuals(scores, total), total)
  }

  /// Intervals that show differences between arms rather than how hard the documents are: what all arms have in common
  /// on a document is taken away. Nil where the arms did not score the same documents, or are fewer than two.
  public static func paired(_ arms: [[Score]]) -> [ClosedRange<Double>]? {
    guard let first = arms.first, arms.count > 1, first.count > 1,
      arms.allSatisfy({ $0.map(\.tokens) == first.map(\.tokens) })
    else { return nil }
    let total = arms.map(\.total)
    guard total[0].tokens > 0 else { return nil }
    var rest = zip(arms, total).map { residuals($0, $1) }
    let count = Double(arms.count)
    for document in first.indices {
      let common = rest.reduce(0) { $0 + $1[document] } / count
      for arm in rest.indices { rest[arm][document] -= common }
    }
    let correction = (count / (count - 1)).squareRoot()
    return zip(rest, total).map { interval($0.map { $0 * correction }, $1) }
  }

  private static func residuals(_ scores: [Score], _ total: Score) -> [Double] {
    scores.map { $0.nll - total.mean * Double($0.tokens) }
  }

  private static func interval(_ residuals: [Double], _ total: Score) -> ClosedRange<Double> {
    let count = Double(residuals.count)
    let squares = residuals.reduce(0) { $0 + $1 * $1 }
    let error = (squares * count / (count - 1)).squareRoot() / Double(total.tokens)
    return total.mean - reach * error...total.mean + reach * error
  }
}

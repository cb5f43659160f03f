/// Which known names an unknown one may have meant.
public enum Suggestion {
  /// Names longer than this are not compared: the work is quadratic, and nobody mistypes them.
  static let maximumLength = 64

  /// Fewest edits (insert, delete, replace, swap neighbours) from one text to another, by character.
  ///
  /// Optimal string alignment: no substring is edited twice.
  /// - Complexity: O(*n*·*m*).
  public static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first), Array(second))
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    var row = last
    for i in 1...a.count {
      row[0] = i
      for j in 1...b.count {
        let replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        var best = min(replaced, last[j] + 1, row[j - 1] + 1)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          best = min(best, beforeLast[j - 2] + 1)
        }
        row[j] = best
      }
      (beforeLast, last, row) = (last, row, beforeLast)
    }
    return last[b.count]
  }

  /// The candidates that a name may have meant, likeliest first.
  ///
  /// Another case comes first, then one edit, then a candidate that the name begins (from two characters on), then what
  /// a third of its characters edited gives; among equals the longer common beginning wins, then the order given.
  public static func nearest(
    _ name: String, among candidates: [String], limit: Int = 3
  ) -> [String] {
    guard !name.isEmpty, name.count <= maximumLength else { return [] }
    let wanted = name.lowercased()
    var ranked: [(rank: Int, shared: Int, order: Int, name: String)] = []
    for (order, candidate) in candidates.enumerated()
    where candidate != name && candidate.count <= maximumLength {
      let known = candidate.lowercased()
      let edits = distance(wanted, known)
      let longest = max(wanted.count, known.count)
      let isNear = edits <= (longest <= 2 ? 0 : max(1, longest / 3))
      let isBegun = wanted.count >= 2 && known.hasPrefix(wanted)
      let rank: Int
      if edits <= 1, isNear {
        rank = edits
      } else if isBegun {
        rank = 2
      } else if isNear {
        rank = edits + 1
      } else {
        continue
      }
      let shared = zip(wanted, known).prefix { $0 == $1 }.count
      ranked.append((rank, shared, order, candidate))
    }
    ranked.sort { ($0.rank, -$0.shared, $0.order) < ($1.rank, -$1.shared, $1.order) }
    var result: [String] = []
    for entry in ranked where result.count < limit && !result.contains(entry.name) {
      result.append(entry.name)
    }
    return result
  }
}

/// The known name that an unknown one most likely meant, or nil where none is near.
public func didYouMean(_ name: String, among candidates: [String]) -> String? {
  Suggestion.nearest(name, among: candidates, limit: 1).first
}

import Models
import Tensor

/// A sequence that the model sees at once, and the part of it that is scored.
public struct Window: Sendable, Hashable {
  public var tokens: [Int32]
  /// The first token whose prediction counts, at least 1: a token needs one before it to be predicted from.
  public var from: Int

  public init(_ tokens: [Int32], from: Int = 1) {
    self.tokens = tokens
    self.from = max(1, from)
  }

  /// Tokens that are scored.
  public var scored: Int { max(0, tokens.count - from) }

  /// What each position from `from - 1` on is asked for: the next token; -1 at the last.
  var targets: [Int32] { Array(tokens[from...]) + [-1] }
}

/// Windows that go through a model together, end to end.
struct WindowPass {
  let windows: [Window]
  let ids: [Int32]
  let segments: Segments

  init(_ windows: [Window]) {
    self.windows = windows
    ids = windows.flatMap(\.tokens)
    segments = Segments(lengths: windows.map(\.tokens.count))
  }

  /// What `model` makes of them: `[ids.count, hidden]`.
  func hidden(of model: Model) throws -> Tensor { try model.hidden(ids, segments: segments) }
}

/// Windows in batches: end to end, never padded, with a bounded number of tokens.
struct WindowBatches {
  let windows: [Window]
  /// Tokens of a batch, unless a single window has more.
  let budget: Int

  /// Ranges of windows, in order.
  var ranges: [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    var tokens = 0
    for (index, window) in windows.enumerated() {
      if index > start, tokens + window.tokens.count > budget {
        ranges.append(start..<index)
        (start, tokens) = (index, 0)
      }
      tokens += window.tokens.count
    }
    if start < windows.count { ranges.append(start..<windows.count) }
    return ranges
  }
}

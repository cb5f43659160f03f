/// The geometry of an attention layer.
public struct AttentionShape: Sendable, Hashable {
  /// Query heads.
  public var heads: Int
  /// Key and value heads; divides `heads`.
  public var keyValueHeads: Int
  /// Width of a head.
  public var width: Int
  /// Tokens that a query may look back at, itself included, or nil for all before it.
  public var window: Int?
  /// Factor of the scores, usually 1/√width.
  public var scale: Float

  public init(heads: Int, keyValueHeads: Int, width: Int, window: Int? = nil, scale: Float? = nil) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.width = width
    self.window = window
    self.scale = scale ?? 1 / Float(width).squareRoot()
  }
}

/// Rotary position embedding as tables, in the half-split layout of Hugging Face checkpoints: element i of a head turns
/// with element i + rotary/2.
///
/// *Paper:* Su et al., "RoFormer" (2021), eq. 34. Attention factors of long-context variants are multiplied in.
public struct RotaryTable: Sendable {
  /// f32 `[positions, rotary/2]`.
  public let cosine: Tensor
  /// f32 `[positions, rotary/2]`.
  public let sine: Tensor

  public init(cosine: Tensor, sine: Tensor) {
    self.cosine = cosine
    self.sine = sine
  }

  /// Elements of a head that turn; the rest pass through.
  public var rotary: Int { cosine.columns * 2 }
  public var positions: Int { cosine.rows }
}

/// A batch of sequences laid end to end, without padding. Attention stays within a sequence; positions start at 0 in
/// each.
public struct Segments: Sendable, Hashable {
  /// Cumulative lengths: sequence s is tokens `offsets[s]..<offsets[s+1]`.
  public let offsets: [Int]

  public init(lengths: [Int]) {
    var offsets = [0]
    offsets.reserveCapacity(lengths.count + 1)
    for length in lengths { offsets.append(offsets[offsets.count - 1] + length) }
    self.offsets = offsets
  }

  public var count: Int { offsets.count - 1 }
  public var tokens: Int { offsets[offsets.count - 1] }
  public subscript(index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }
  public var longest: Int { (0..<count).reduce(0) { Swift.max($0, self[$1].count) } }
}

/// Keys and values of the tokens seen so far in one layer, for generation.
public final class KeyValueCache {
  /// `[capacity, keyValueHeads · width]`, keys already rotated.
  public let keys: Tensor
  public let values: Tensor
  /// Tokens held.
  public var count = 0
  /// While a step is recorded: where on the device the count stands, an i32. Attention of one token then reads it there.
  public var position: Tensor?

  public var capacity: Int { keys.rows }

  public init(keys: Tensor, values: Tensor) {
    self.keys = keys
    self.values = values
  }
}

/// The rotary tables of a model: one, or a second for sequences longer than the model was first trained on (longrope).
public struct Rotary: Sendable {
  public let short: RotaryTable
  public let long: RotaryTable?
  /// Sequences of more tokens than this use `long`.
  public let threshold: Int

  public init(short: RotaryTable, long: RotaryTable? = nil, threshold: Int = .max) {
    self.short = short
    self.long = long
    self.threshold = threshold
  }

  /// The table for a sequence of `length` tokens in all.
  public func table(length: Int) -> RotaryTable { length > threshold ? long ?? short : short }
}

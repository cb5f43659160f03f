import Tensor

/// What a reference model makes of a text, for the models that are compared with it on the same text: its hidden states
/// after the final norm, pass by pass.
///
/// These and not the scores that follow from them are kept, as a token's scores are one number for each token of the
/// vocabulary (8 to 40 times as many), and one product away; nor likelihoods, as a divergence needs the whole distribution.
public final class ReferenceStates {
  /// Bytes above which nothing is kept.
  public static let limit = 1 << 30

  private let stored: ((Int, () throws -> Tensor) throws -> Tensor)?
  /// The time, in seconds.
  private let clock: () -> Double
  /// The states of the passes so far; nil where they are known already, or became too large.
  public private(set) var made: [Tensor]?
  /// Seconds that they took.
  public private(set) var seconds = 0.0
  public var byteCount: Int { (made ?? []).reduce(0) { $0 + $1.byteCount } }

  /// States to be computed, and kept.
  ///
  /// - Parameter clock: The time, in seconds: says how long they took.
  public init(clock: @escaping () -> Double) {
    stored = nil
    self.clock = clock
    made = []
  }

  /// States that were computed before.
  ///
  /// - Parameter stored: Those of a pass; it is also told how they were made.
  public init(stored: @escaping (Int, () throws -> Tensor) throws -> Tensor) {
    self.stored = stored
    clock = { 0 }
  }

  /// Those of pass `index`, the next.
  func hidden(_ index: Int, making body: () throws -> Tensor) throws -> Tensor {
    if let stored { return try stored(index, body) }
    let start = clock()
    let hidden = try body()
    seconds += clock() - start
    made?.append(hidden)
    if byteCount > Self.limit { made = nil }
    return hidden
  }
}

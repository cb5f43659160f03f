import Tensor

/// Which examples a training step sees: every epoch visits each example once, in an order of its own.
///
/// A pure function of seed, step and counts, so that a resumed run continues with the very batches of the uninterrupted
/// one. A batch that reaches the end of an epoch goes on with the start of the next.
public struct BatchOrder: Sendable {
  /// Examples in all.
  public let count: Int
  /// Examples per step.
  public let batch: Int
  /// The seed of the shuffles; nil keeps the order of the data.
  public let seed: UInt64?

  private var epoch = -1
  private var order: [Int] = []

  public init(count: Int, batch: Int, seed: UInt64?) {
    self.count = count
    self.batch = batch
    self.seed = seed
  }

  /// The examples of step `step`, counted from 0; none where there are no examples.
  public mutating func indices(step: Int) -> [Int] {
    guard count > 0 else { return [] }
    return (step * batch..<(step + 1) * batch).map { place in
      let epoch = place / count
      if epoch != self.epoch {
        order =
          seed.map {
            RandomStream(seed: $0, purpose: "batch order", index: UInt64(epoch)).permutation(count)
          } ?? Array(0..<count)
        self.epoch = epoch
      }
      return order[place % count]
    }
  }

  /// Passes over the data that `steps` steps make.
  public func epochs(steps: Int) -> Double {
    count == 0 ? 0 : Double(steps) * Double(batch) / Double(count)
  }
}

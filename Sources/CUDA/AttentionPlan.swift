import Synchronization
import Tensor

/// What the attention kernels must know of a batch: which thread block takes which tokens. The same for all layers of a
/// pass, and for all passes over equal batches; made once.
struct AttentionPlan {
  /// What a plan depends on.
  struct Key: Hashable {
    var segments: Segments
    var threshold: Int
    /// Queries and keys of a block.
    var rows: Int
    var keys: Int
  }

  /// i32 `[runs, 4]`: first token of the sequence, its length, first row, table. Long work comes first, so that no block is
  /// left for the end.
  var queries: Tensor
  var keys: Tensor
  /// i32 `[tokens]`: the position of each token, its sign set where the long rotary table applies.
  var places: Tensor
}

/// What attention keeps from call to call.
final class AttentionState: Sendable {
  private struct State {
    /// The newest last.
    var plans: [(key: AttentionPlan.Key, plan: AttentionPlan)] = []
    var counters: Tensor?
  }

  private let state = Mutex(State())
  /// Batches that a program goes back and forth between.
  private static let most = 16

  /// The plan for a batch.
  func plan(_ key: AttentionPlan.Key, _ backend: CUDABackend, _ operation: String) throws
    -> AttentionPlan
  {
    try state.withLock { state in
      if let index = state.plans.firstIndex(where: { $0.key == key }) {
        let found = state.plans.remove(at: index)
        state.plans.append(found)
        return found.plan
      }
      let plan = try Self.make(key, backend, operation)
      if state.plans.count == Self.most { state.plans.removeFirst() }
      state.plans.append((key, plan))
      return plan
    }
  }

  /// i32 zeros, at least `count` of them; kernels leave zeros behind.
  func counters(_ count: Int, _ backend: CUDABackend) throws -> Tensor {
    try state.withLock { state in
      if let counters = state.counters, counters.count >= count { return counters }
      let counters = try backend.make([max(count, 1024)], .i32)
      try backend.fill(counters, with: 0)
      state.counters = counters
      return counters
    }
  }

  private static func make(_ key: AttentionPlan.Key, _ backend: CUDABackend, _ operation: String)
    throws -> AttentionPlan
  {
    let segments = key.segments
    func runs(_ step: Int, work: (_ first: Int, _ length: Int) -> Int) throws -> Tensor {
      var runs: [(work: Int, numbers: [Int32])] = []
      for index in 0..<segments.count {
        let range = segments[index]
        for first in stride(from: 0, to: range.count, by: step) {
          runs.append(
            (
              work(first, range.count),
              [
                Int32(range.lowerBound), Int32(range.count), Int32(first),
                range.count > key.threshold ? 1 : 0,
              ]
            ))
        }
      }
      runs.sort {
        ($0.work, $1.numbers[0], $1.numbers[2]) > ($1.work, $0.numbers[0], $0.numbers[2])
      }
      return try backend.upload(runs.flatMap(\.numbers), .i32, operation).reshaped([runs.count, 4])
    }
    var places: [Int32] = []
    places.reserveCapacity(segments.tokens)
    for index in 0..<segments.count {
      let count = segments[index].count
      let mark: Int32 = count > key.threshold ? .min : 0
      for place in 0..<count { places.append(Int32(place) | mark) }
    }
    return AttentionPlan(
      queries: try runs(key.rows) { first, _ in first }, keys: try runs(key.keys) { $1 - $0 },
      places: try backend.upload(places, .i32, operation))
  }
}

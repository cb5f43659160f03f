import Runtime
import Synchronization
import Tensor

extension Model {
  /// The largest model, in bytes of its blocks' weights, that is made ready as a whole.
  private static let preparedBytes = 64 << 20

  /// Whether passes without a tape run side by side: where the device has lanes for them, and all weights fit in its cache
  /// or nearly so. What a larger model computes is many times what handing it from thread to thread costs.
  public var runsInLanes: Bool { backend.lanes > 0 && fitsLanes }

  /// Whether passes of training may, on the device or on the one that it stands for.
  public var trainsInLanes: Bool {
    // DoRA measures the rows of all of an adapted weight on every pass.
    backend.standsFor.lanes > 0 && fitsLanes
      && !allLinears.contains { $0.adapter?.magnitude != nil }
  }

  private var fitsLanes: Bool {
    let weights = blocks.reduce(0) { $0 + $1.linears.reduce(0) { $0 + $1.inputs * $1.outputs } }
    return weights * backend.operand(precision).size <= Self.preparedBytes
  }

  /// Tokens that go through the model together without a tape where nobody says how many.
  public var passTokens: Int {
    // Some fifteen units a lane, so that none waits long for another's last one.
    runsInLanes ? min(backend.lanes * 4096, 1 << 16) : backend.device.passTokens
  }

  /// The model as passes without a tape read it, where there will be many: what each would convert, dequantize or merge
  /// anew is done once. It computes the same but for the rounding of sums, and is not for training or saving.
  public func prepared() throws -> Model {
    guard runsInLanes else { return self }
    let type = backend.operand(precision)
    var model = try mapLinears { try $0.prepared(as: type, precision, on: backend) }
    try model.packHead(as: type, bothWays: false)
    model.isPrepared = true
    return model
  }

  /// The model as the passes of many training steps read it, side by side or one after the other, its adapters being the
  /// ones that are trained; nil where each pass had better make what it needs.
  public func preparedForTraining() throws -> Model? {
    guard trainsInLanes else { return nil }
    let type = backend.operand(precision)
    var model = try mapLinears {
      try $0.preparedForTraining(as: type, precision, on: backend)
    }
    try model.packHead(as: type, bothWays: true)
    model.isPrepared = true
    return model
  }

  /// A model prepared for training, for the values that its adapters have now. The ones made before are not to be used
  /// any more.
  public func preparedForStep() throws -> Model {
    let type = backend.operand(precision)
    let before = allLinears
    let after = Mutex<[String: Linear]>([:])
    try backend.concurrently(before.count) { index in
      let linear = try before[index].preparedForStep(as: type, on: backend)
      after.withLock { $0[linear.name] = linear }
    }
    let made = after.withLock { $0 }
    return mapLinears { made[$0.name] ?? $0 }
  }

  private mutating func packHead(as type: DType, bothWays: Bool) throws {
    guard case .dense(let tensor) = head, tensor.count * type.size <= Self.preparedBytes else {
      return
    }
    let matrix = try tensor.dtype == type ? tensor : backend.convert(tensor, to: type)
    head = .dense(backend.packed(matrix, bothWays: bothWays))
  }

  /// The hidden states after the final norm, `[ids.count, hidden]`: sequences side by side, each through the whole model
  /// on one thread, so that threads wait for each other once and not after every operation. Nil where there are too few
  /// sequences for that.
  func hiddenInLanes(_ ids: [Int32], segments: Segments) throws -> Tensor? {
    let units = LaneUnits(segments)
    guard units.count >= 2 * backend.lanes else { return nil }
    let tables = try rotary.tables(length: segments.longest)
    let result = try backend.make([ids.count, config.hidden], backend.activation)
    try backend.concurrently(units.count) { index in
      let (rows, segments) = units[index]
      let hidden = try hiddenInLane(Array(ids[rows]), segments, tables)
      try backend.copy(hidden, into: result.rows(rows))
    }
    return result
  }

  /// Attention sees the sequences whole; what follows it goes a few rows at a time from one linear to the next.
  private func hiddenInLane(_ ids: [Int32], _ segments: Segments, _ tables: Rotary) throws -> Tensor
  {
    let execution = execution()
    let x = try embed(ids)
    for block in blocks {
      try Interrupt.check()
      let attended = try block.advance(
        .attentionInput, block.begin(x, execution, self), execution, self, dropout: nil
      ) {
        try execution.attention(
          $0, rotary: tables, segments: segments, shape: config.attentionShape)
      }
      for rows in LaneUnits.parts(of: ids.count) {
        var state = Block.State(
          residual: attended.residual.rows(rows), input: attended.input.rows(rows))
        for stage in [Stage.attentionOutput, .mlpInput, .mlpOutput] {
          state = try block.advance(
            stage, state, execution, self, segments: segments)
        }
        try backend.copy(state.output(execution), into: x.rows(rows))
      }
    }
    return try execution.rmsNorm(x, weight: norm, epsilon: config.epsilon).y
  }
}

/// Sequences that follow each other, in units of work: enough tokens for efficient products, few enough that what the unit
/// computes stays in a core's cache. The same whatever the number of lanes.
public struct LaneUnits {
  /// Rows that go through the MLP together: few enough that its results stay near the core, as many as products take at
  /// once.
  static let rows = 256
  /// Tokens from which on a unit is complete.
  private static let tokens = 256

  private let segments: Segments
  /// The first segment of each unit; behind the last, their number.
  private var starts = [0]

  /// `lengths` in about equal runs of some 256 tokens each, an even number of them: what the passes of a training step
  /// take. Their gradients are added up run by run, so the number depends on nothing else.
  public static func runs(of lengths: [Int]) -> [Range<Int>] {
    let total = lengths.reduce(0, +)
    let count = 2 * max(1, (total + tokens) / (2 * tokens))
    var runs: [Range<Int>] = []
    var (first, seen) = (0, 0)
    for (index, length) in lengths.enumerated() {
      seen += length
      // The run ends where its share does, at the nearer end of the sequence that lies across.
      let next = index + 1 < lengths.count ? lengths[index + 1] : 0
      let share = total * (runs.count + 1)
      if index + 1 == lengths.count || (2 * seen + next) * count > 2 * share {
        runs.append(first..<index + 1)
        first = index + 1
      }
    }
    return runs
  }

  init(_ segments: Segments) {
    self.segments = segments
    var tokens = 0
    for index in 0..<segments.count {
      tokens += segments[index].count
      if tokens >= Self.tokens {
        starts.append(index + 1)
        tokens = 0
      }
    }
    // What is left at the end goes with the unit before it.
    if starts.count > 1 { starts.removeLast() }
    if segments.count > 0 { starts.append(segments.count) }
  }

  /// `count` rows in parts of `rows`, of which products take all at once. A last part of less than half of that goes with
  /// the one before it: none is so short that it would be computed another way.
  static func parts(of count: Int) -> [Range<Int>] {
    let parts = max(1, (count + rows / 2) / rows)
    return (0..<parts).map { rows * $0..<($0 == parts - 1 ? count : rows * ($0 + 1)) }
  }

  var count: Int { starts.count - 1 }

  subscript(index: Int) -> (rows: Range<Int>, segments: Segments) {
    let mine = (starts[index]..<starts[index + 1]).map { segments[$0] }
    let first = mine.first?.lowerBound ?? 0
    return (first..<(mine.last?.upperBound ?? first), Segments(lengths: mine.map(\.count)))
  }
}

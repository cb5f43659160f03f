import Models
import Runtime
import Tensor

/// What each layer alone does to the loss: one block of a model at a time in the place of a reference's.
///
/// The reference runs once over a batch and keeps what each of its blocks began with; from there a swapped block and the
/// reference's blocks after it run again. Half the work of running all swapped models whole.
public struct LayerSwap: Sendable {
  /// Nats per token of the reference, and of the model as a whole.
  public var reference: Double
  public var model: Double
  /// The change of the reference's nats per token with each block swapped.
  public var changes: [Double]
  public var tokens: Int

  /// What the layers do together beyond the sum of what each does alone.
  public var together: Double { model - reference - changes.reduce(0, +) }

  /// - Throws: `DifferentModels`, `Cancelled`, what the models throw.
  /// - Guarantee: swapping a block for the same block changes nothing, bit for bit.
  public static func measure(
    _ model: Model, from reference: Model, windows: [Window], progress: ProgressHandler? = nil
  ) throws -> LayerSwap {
    guard model.blocks.count == reference.blocks.count,
      model.config.hidden == reference.config.hidden
    else { throw DifferentModels() }
    let windows = windows.filter { $0.scored > 0 }
    let execution = reference.execution()
    var sums = [Double](repeating: 0, count: reference.blocks.count)
    var (base, whole, tokens, done) = (0.0, 0.0, 0, 0)
    for range in WindowBatches(windows: windows, budget: Perplexity.batchTokens).ranges {
      let part = Array(windows[range])
      let segments = Segments(lengths: part.map(\.tokens.count))
      typealias Start = (x: Tensor, delta: Tensor?)
      func run(_ block: Block, _ start: Start) throws -> Start {
        try Interrupt.check()
        var state = try block.begin(start.x, adding: start.delta, execution, reference)
        for stage in Stage.allCases {
          state = try block.advance(stage, state, execution, reference, segments: segments)
        }
        return (state.residual, state.delta)
      }
      func loss(_ end: Start, _ model: Model) throws -> Double {
        let hidden = try execution.rmsNorm(
          end.x, adding: end.delta, weight: model.norm, epsilon: model.config.epsilon
        ).y
        let targets = part.flatMap { window in
          [Int32](repeating: -1, count: window.from - 1) + window.targets
        }
        return try model.backend.read(model.nll(hidden, targets: targets))
          .reduce(0.0) { $0 + Double($1) }
      }
      var starts: [Start] = [(try reference.embed(part.flatMap(\.tokens)), nil)]
      for block in reference.blocks { starts.append(try run(block, starts[starts.count - 1])) }
      base += try loss(starts[starts.count - 1], reference)
      for index in reference.blocks.indices {
        var state = try run(model.blocks[index], starts[index])
        for block in reference.blocks[(index + 1)...] { state = try run(block, state) }
        sums[index] += try loss(state, reference)
      }
      var state: Start = (try model.embed(part.flatMap(\.tokens)), nil)
      for block in model.blocks { state = try run(block, state) }
      whole += try loss(state, model)
      tokens += part.reduce(0) { $0 + $1.scored }
      done += part.count
      progress?(
        Progress(stage: "explain layers", done: done, total: windows.count, unit: "documents"))
    }
    let count = Double(max(1, tokens))
    return LayerSwap(
      reference: base / count, model: whole / count, changes: sums.map { ($0 - base) / count },
      tokens: tokens)
  }
}

/// Two models whose layers cannot stand in for each other.
public struct DifferentModels: Failure, Equatable {
  public init() {}
  public var message: String { "the two models differ in shape" }
  public var help: String? { "compare a model with the one that it came of" }
}

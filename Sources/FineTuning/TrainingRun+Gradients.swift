import Models
import Synchronization
import Tensor

extension TrainingRun {
  /// The mean loss of `examples` and its gradients. A loss that is not finite has none.
  func gradients(of examples: [TrainingExample], step: Int) throws -> (Double, [Tensor?]) {
    let count = examples.reduce(0) { $0 + $1.predictions }
    // A batch of masked rows always predicts something, as rows that do not are left out.
    let scale = 1 / Float(max(1, count))
    let parts = TrainingRun.parts(of: examples, tokens: settings.passTokens)
    // A stream of its own for every part, so that no two of a step share a mask.
    let passes = parts.enumerated().map { index, part in
      TrainingPass(
        part, DropoutContext(seed: settings.seed, step: step * parts.count + index), scale)
    }
    let model = try prepared?.preparedForStep() ?? model
    let (loss, total): (Double, [Tensor?])
    if let runs = runs(of: passes, lanes: model.backend.lanes) {
      (loss, total) = try sideBySide(runs, model)
    } else {
      (loss, total) = try oneByOne(rehearsed(passes) ?? passes, model)
    }
    return (loss / Double(max(1, count)), loss.isFinite ? total : [])
  }

  /// The summed loss of passes that follow each other, and its gradients.
  private func oneByOne(_ passes: [TrainingPass], _ model: Model) throws -> (Double, [Tensor?]) {
    var (loss, total): (Double, [Tensor?]) = (0, [])
    for pass in passes {
      // What this pass gives is added to the others' as it comes.
      let (own, gradients) = try gradients(of: pass, model, addedTo: total)
      loss += own
      guard loss.isFinite else { break }
      total = gradients
    }
    return (loss, total)
  }

  /// The same of passes in lanes.
  private func sideBySide(_ runs: [TrainingPass], _ model: Model) throws -> (Double, [Tensor?]) {
    // The longest first: short ones even out what is left.
    let order = runs.indices.sorted {
      (runs[$1].tokens, $0) < (runs[$0].tokens, $1)
    }
    let sums = Mutex(RunSums())
    try model.backend.concurrently(runs.count) { place in
      let result = try gradients(of: runs[order[place]], model, addedTo: [])
      try sums.withLock { try $0.take(result, order[place], optimizer) }
    }
    return sums.withLock { ($0.loss, $0.gradients) }
  }

  /// The passes in runs for lanes; nil where there are none, or these would stand idle for too long.
  private func runs(of passes: [TrainingPass], lanes: Int) -> [TrainingPass]? {
    guard lanes > 0, model.trainsInLanes else { return nil }
    let runs = passes.flatMap(\.runs)
    var loads = [Int](repeating: 0, count: lanes)
    for tokens in runs.map(\.tokens).sorted(by: >) {
      let least = loads.indices.min { loads[$0] < loads[$1] }
      if let least { loads[least] += tokens }
    }
    let total = loads.reduce(0, +)
    return Double((loads.max() ?? 0) * lanes) <= (1 + idleness) * Double(total) ? runs : nil
  }

  /// Where a device with lanes is only rehearsed for: as much at a time as its lanes hold together.
  private func rehearsed(_ passes: [TrainingPass]) -> [TrainingPass]? {
    let lanes = model.backend.standsFor.lanes
    guard model.backend.lanes == 0, let runs = runs(of: passes, lanes: lanes) else { return nil }
    return stride(from: 0, to: runs.count, by: lanes).map { first in
      let together = runs[first..<min(first + lanes, runs.count)]
      return TrainingPass(together.flatMap(\.examples), together[first].dropout, runs[0].scale)
    }
  }

  /// The summed loss of one pass, and the gradients with it added to `sums`. A loss that is not finite has none.
  private func gradients(of pass: TrainingPass, _ model: Model, addedTo sums: [Tensor?]) throws -> (
    Double, [Tensor?]
  ) {
    let tape = Tape(model.backend)
    optimizer.track(on: tape)
    let hidden = try model.hidden(
      pass.examples.flatMap(\.tokens), segments: Segments(lengths: pass.lengths), tape: tape,
      checkpointing: settings.checkpointing, dropout: pass.dropout)
    let nll = try model.nll(
      hidden, targets: pass.examples.flatMap(\.targets), scale: pass.scale, tape: tape)
    let loss = try model.backend.read(nll).reduce(0.0) { $0 + Double($1) }
    guard loss.isFinite else { return (loss, []) }
    try optimizer.put(sums, on: tape)
    try tape.backward()
    return (loss, optimizer.gradients(from: tape))
  }
}

/// Sequences that go through the model together.
private struct TrainingPass {
  let examples: [TrainingExample]
  let dropout: DropoutContext
  /// What stands in front of the sum of their losses.
  let scale: Float

  init(_ examples: [TrainingExample], _ dropout: DropoutContext, _ scale: Float) {
    (self.examples, self.dropout, self.scale) = (examples, dropout, scale)
  }

  var lengths: [Int] { examples.map(\.tokens.count) }
  var tokens: Int { lengths.reduce(0, +) }

  /// The pass in runs for lanes, with the masks that its rows have in the whole.
  var runs: [TrainingPass] {
    var first = dropout.firstRow
    return LaneUnits.runs(of: lengths).map { range in
      var own = dropout
      own.firstRow = first
      let run = TrainingPass(Array(examples[range]), own, scale)
      first += run.tokens
      return run
    }
  }
}

/// The losses and gradients of runs, added up in the order of the runs whichever is done first: sums of floats depend on
/// their order.
private struct RunSums {
  private(set) var loss = 0.0
  private(set) var gradients: [Tensor?] = []
  /// The run whose turn it is.
  private var next = 0
  /// What later ones gave already.
  private var waiting: [Int: (Double, [Tensor?])] = [:]

  mutating func take(
    _ result: (Double, [Tensor?]), _ index: Int, _ optimizer: AdapterOptimizer
  ) throws {
    waiting[index] = result
    while let (own, found) = waiting.removeValue(forKey: next) {
      next += 1
      loss += own
      guard loss.isFinite else { continue }
      let tape = Tape(optimizer.backend)
      try optimizer.put(gradients, on: tape)
      try optimizer.put(found, on: tape)
      gradients = optimizer.gradients(from: tape)
    }
  }
}

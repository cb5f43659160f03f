import Cache
import Checkpoints
import JSON
import Runtime
import Tensor

/// A fine-tune after one of its steps: with it, a run that was killed goes on and gives the same adapters, bit for bit.
///
/// The order of the data and the dropout are functions of the step's number, so that nothing else is needed.
struct TrainingState {
  var report: FineTuningReport
  /// Updates that the adapters hold, and how many they held when the loss was last seen to be finite.
  var updates: Int
  var good: Int
  /// AdamW steps made.
  var steps: Int

  init(report: FineTuningReport, updates: Int, good: Int, steps: Int) {
    self.report = report
    self.updates = updates
    self.good = good
    self.steps = steps
  }

  /// Nil where something in it is no finite number: such a state is not worth going on from.
  var facts: JSONObject? {
    let numbers = report.loss + report.gradientNorm + report.evaluations.map(\.loss)
    guard numbers.allSatisfy(\.isFinite) else { return nil }
    return JSONObject([
      ("loss", .array(report.loss.map(JSON.number))),
      ("gradient_norm", .array(report.gradientNorm.map(JSON.number))),
      (
        "evaluations",
        .array(report.evaluations.map { [.int($0.step), .number($0.loss)] })
      ),
      ("tokens", .int(report.tokens)), ("training_seconds", .number(report.trainingSeconds)),
      ("seconds", .number(report.seconds)), ("updates", .int(updates)), ("good", .int(good)),
      ("steps", .int(steps)),
    ])
  }

  /// - Parameter report: Of a run that has not begun.
  init?(_ facts: JSONObject, report: FineTuningReport) {
    guard let loss = facts["loss"]?.arrayValue?.compactMap(\.doubleValue),
      let norms = facts["gradient_norm"]?.arrayValue?.compactMap(\.doubleValue),
      let evaluations = facts["evaluations"]?.arrayValue, let tokens = facts["tokens"]?.intValue,
      let training = facts["training_seconds"]?.doubleValue,
      let seconds = facts["seconds"]?.doubleValue, let updates = facts["updates"]?.intValue,
      let good = facts["good"]?.intValue, let steps = facts["steps"]?.intValue,
      loss.count == norms.count
    else { return nil }
    self.init(report: report, updates: updates, good: good, steps: steps)
    self.report.loss = loss
    self.report.gradientNorm = norms
    self.report.evaluations = evaluations.compactMap { pair in
      guard let step = pair[0]?.intValue, let loss = pair[1]?.doubleValue else { return nil }
      return FineTuningReport.Evaluation(step: step, loss: loss)
    }
    self.report.tokens = tokens
    self.report.trainingSeconds = training
    self.report.seconds = seconds
  }
}

/// Keeps the states of a run: always the last one or two, so that one is whole whenever the process dies.
struct TrainingStates {
  let workplace: Workplace
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant
  private var slot = 0
  /// Seconds that the last one took to write.
  private var cost = 0.0

  init(_ workplace: Workplace) {
    self.workplace = workplace
    last = clock.now
  }

  private static func name(_ slot: Int) -> String { "state \(slot)" }
  private static let stem = "optimizer"

  /// Takes a run to the last state that an earlier one kept.
  mutating func restore(_ run: inout TrainingRun) throws {
    let found = (0..<2).compactMap { slot -> (Int, StoredEntry, TrainingState)? in
      guard let entry = workplace.find(Self.name(slot)),
        let state = TrainingState(entry.facts, report: run.report)
      else { return nil }
      return (slot, entry, state)
    }.sorted { $0.2.report.steps > $1.2.report.steps }
    for (slot, entry, state) in found {
      guard let tensors = try? entry.tensors(stem: Self.stem),
        try run.restore(state, from: tensors)
      else { continue }
      self.slot = 1 - slot
      return
    }
  }

  /// Keeps the run's state, where so much was done since the last one that it is worth the time.
  mutating func keep(_ run: TrainingRun) throws {
    let elapsed = (clock.now - last) / .seconds(1)
    guard workplace.isWorth(seconds: elapsed, bytes: run.optimizer.stateBytes, cost: cost),
      let facts = run.state.facts
    else { return }
    let start = clock.now
    let sources = run.optimizer.sources
    try workplace.keep(Self.name(slot), seconds: elapsed, facts: facts) {
      try $0.write(sources, stem: Self.stem)
    }
    slot = 1 - slot
    last = clock.now
    cost = (last - start) / .seconds(1)
  }
}

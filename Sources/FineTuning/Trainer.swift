import Cache
import Checkpoints
import Models
import Runtime
import Tensor

/// Trains the adapters of a model; the model itself stays frozen.
public struct Trainer {
  let settings: FineTuningSettings
  let progress: ProgressHandler?
  /// Where the run keeps what it has done, and finds what one that was killed had done; nil to keep nothing.
  public var workplace: Workplace?
  /// Asked before every step whether to go on.
  var check: @Sendable () throws -> Void = Interrupt.check

  public init(_ settings: FineTuningSettings, progress: ProgressHandler? = nil) {
    self.settings = settings
    self.progress = progress
  }

  /// A copy of `model` whose adapters were trained on `data`.
  ///
  /// An interrupt (which also ends a step in its midst), or a loss or gradient that is not finite, ends the run early: the result then holds the adapters of
  /// the last good step, and `report.stopped` says what happened.
  ///
  /// - Throws: `NoAdapter`, `NothingToTrainOn`; `Cancelled` where not even one step was made.
  /// - Guarantee: the same model, data, settings and kind of device, with as many threads, give the same adapters, bit for
  ///   bit.
  public func train(
    _ model: Model, on data: TrainingData, evaluating held: TrainingData? = nil
  ) throws -> (model: Model, report: FineTuningReport) {
    guard let adapter = model.allLinears.lazy.compactMap(\.adapter).first else {
      throw NoAdapter()
    }
    guard data.examples.contains(where: { $0.predictions > 0 }) else {
      throw NothingToTrainOn(rows: data.examples.count, tokens: data.tokens, length: nil)
    }
    var run = try TrainingRun(model, data: data, settings: settings)
    let start = run.clock.now
    var states = workplace.map(TrainingStates.init)
    try states?.restore(&run)
    let before = run.report.seconds
    run.report.resumed = run.report.steps == 0 ? nil : run.report.steps
    do {
      while run.report.steps < settings.steps {
        try check()
        if let failure = try run.step() {
          run.report.stopped = .diverged(failure)
          break
        }
        let steps = run.report.steps
        progress?(
          Progress(
            stage: "finetune", done: steps, total: settings.steps, unit: "steps",
            tokens: run.report.tokens, loss: run.report.loss.last))
        if let held, steps == settings.steps || steps % max(1, settings.log) == 0 {
          progress?(
            Progress(
              stage: "finetune, evaluating", done: steps, total: settings.steps, unit: "steps",
              tokens: run.report.tokens, loss: run.report.loss.last))
          try run.evaluate(held)
        }
        run.report.seconds = before + (run.clock.now - start) / .seconds(1)
        try states?.keep(run)
      }
      if run.report.stopped == nil, let failure = try run.check() {
        run.report.stopped = .diverged(failure)
      }
    } catch is Cancelled {
      guard run.report.steps > 0 else { throw Cancelled() }
      run.report.stopped = .interrupted
    }
    run.report.seconds = before + (run.clock.now - start) / .seconds(1)
    run.report.epochs = run.order.epochs(steps: run.report.steps)
    if run.updates > 0 {
      run.model.lineage.append(
        "\(adapter.method.rawValue) r\(adapter.rank) \(Words.counted(run.updates, "step"))")
    }
    return (try run.model.settled(), run.report)
  }
}

/// A run in progress.
struct TrainingRun {
  let clock = ContinuousClock()
  var model: Model
  /// The model as passes read it, with the same adapters; nil where it is read as it is.
  var prepared: Model?
  /// How much longer than its share the busiest lane may take: about what lanes gain.
  var idleness = 0.05
  let data: TrainingData
  let settings: FineTuningSettings
  var optimizer: AdapterOptimizer
  var order: BatchOrder
  var report = FineTuningReport()
  /// Updates that the adapters hold, and how many they held when the loss was last seen to be finite.
  private(set) var updates = 0
  private var good = 0

  init(_ model: Model, data: TrainingData, settings: FineTuningSettings) throws {
    self.model = model
    self.data = data
    self.settings = settings
    optimizer = try AdapterOptimizer(&self.model)
    prepared = try self.model.preparedForTraining()
    order = BatchOrder(
      count: data.examples.count, batch: max(1, settings.batch),
      seed: settings.shuffles ? settings.seed : nil)
    report.parameters = optimizer.count
    report.packing = data.packing
  }

  /// What `restore` needs beside the optimizer's tensors.
  var state: TrainingState {
    TrainingState(report: report, updates: updates, good: good, steps: optimizer.steps)
  }

  /// Goes on from a state.
  ///
  /// - Returns: Whether the state is one of this run; otherwise nothing changed.
  mutating func restore(_ state: TrainingState, from tensors: Safetensors) throws -> Bool {
    guard state.report.steps <= settings.steps,
      try optimizer.restore(from: tensors, steps: state.steps)
    else { return false }
    report = state.report
    updates = state.updates
    good = state.good
    return true
  }

  /// Makes one step, or says why it could not; then the adapters are those of the last good step.
  mutating func step() throws -> TrainingDiverged? {
    let start = clock.now
    let number = report.steps
    let examples = order.indices(step: number).map { data.examples[$0] }
    let (loss, gradients) = try gradients(of: examples, step: number)
    guard loss.isFinite else {
      // A diagnosis that fails must not keep the bad values alive.
      let layer = try? model.firstNonFinite(
        examples.flatMap(\.tokens), segments: Segments(lengths: examples.map(\.tokens.count)))
      try optimizer.restore()
      updates = good
      return TrainingDiverged(step: number + 1, quantity: "loss", layer: layer)
    }
    try optimizer.keep()
    good = updates
    let rate = Double(settings.rate) * settings.schedule.factor(step: number, of: settings.steps)
    let norm = try optimizer.step(
      gradients, rate: Float(rate), decay: settings.decay, clip: settings.clip)
    guard norm.isFinite else {
      return TrainingDiverged(
        step: number + 1, quantity: "gradient", layer: try optimizer.offender(gradients))
    }
    updates += 1
    report.loss.append(loss)
    report.gradientNorm.append(norm)
    report.tokens += examples.reduce(0) { $0 + $1.tokens.count }
    report.trainingSeconds += (clock.now - start) / .seconds(1)
    return nil
  }

  /// `examples` in parts of at most `tokens` tokens; one part where there is no limit.
  static func parts(of examples: [TrainingExample], tokens: Int?) -> [[TrainingExample]] {
    guard let tokens else { return [examples] }
    var parts: [[TrainingExample]] = []
    var size = 0
    for example in examples {
      if parts.isEmpty || size + example.tokens.count > tokens {
        parts.append([])
        size = 0
      }
      parts[parts.count - 1].append(example)
      size += example.tokens.count
    }
    return parts
  }

  /// Measures the loss on `held`.
  mutating func evaluate(_ held: TrainingData) throws {
    let model = try prepared?.preparedForStep() ?? model
    var (loss, count) = (0.0, 0)
    for part in TrainingRun.parts(of: held.examples, tokens: settings.passTokens ?? 4096) {
      try Interrupt.check()
      let hidden = try model.hidden(
        part.flatMap(\.tokens), segments: Segments(lengths: part.map(\.tokens.count)))
      let nll = try model.nll(hidden, targets: part.flatMap(\.targets))
      loss += try model.backend.read(nll).reduce(0.0) { $0 + Double($1) }
      count += part.reduce(0) { $0 + $1.predictions }
    }
    report.evaluations.append(
      .init(step: report.steps, loss: count == 0 ? 0 : loss / Double(count)))
  }

  /// Whether what the last step wrote is finite; else goes back to the values before it.
  mutating func check() throws -> TrainingDiverged? {
    guard let layer = try optimizer.nonFinite() else { return nil }
    try optimizer.restore()
    updates = good
    return TrainingDiverged(step: report.steps, quantity: "weights", layer: layer)
  }
}

/// A model without anything to train.
public struct NoAdapter: Failure, Equatable {
  public init() {}
  public var message: String { "the model has no adapter to train" }
}

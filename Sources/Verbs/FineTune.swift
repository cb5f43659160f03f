import Cache
import Data
import FineTuning
import JSON
import Language
import Models
import Quantization
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(FineTune.self, in: $0) }

/// `finetune DATASET`
struct FineTune: CacheableVerb {
  static let name = "finetune"
  static let memoryAdvice: String? = "checkpointing=yes, or a smaller length= or batch="
  static let summary = "train a low-rank adapter on the current model, float or quantized"
  static let details = """
    y = xWᵀ + (α/r)·(xAᵀ)Bᵀ with W frozen: A starts Kaiming-uniform, B at zero. AdamW (0.9, 0.999, 1e-8, no weight \
    decay), the gradient clipped to a norm of 1. Works the same on float, RTN, GPTQ and AWQ bases; codes stay packed.

    Rows are tokenized one by one, joined by blank lines and cut into blocks of length=; pack=no trains row by row, and \
    mask=response then predicts the response alone. A model that has an adapter already has it trained further.

    method=dora trains the length of each row of the adapted weight apart from its direction: y = m/‖W + s·BA‖ ⊙ \
    x(W + s·BA)ᵀ with s = α/r, m starting as ‖W‖ and the norm taken as a constant. Dropout hides the input from all that \
    the adapter changes, the stretching of W included, as in PEFT. A step takes 1.6 times as long as one of lora on a CPU, and \
    2.6 times on a GPU.

    method=merge-aware trains on a quantized base what `merge` will ship: each step computes with the codes of the merged \
    weights, and gradients pass straight through the rounding. A change must reach half a step of the grid to count, so it \
    wants a larger lr= or more steps than lora.

    init= says where the adapter starts. On a quantized base loftq is the best low-rank repair of the rounding error, and \
    cloq that of its effect on calibration text; both need from=, the float model. pissa takes the principal part out of \
    float weights.
    """
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "finetune tiny-codes steps=2", "two steps with the defaults", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes steps=2 rank=8 targets=[qkv_proj o_proj] lr=1e-3 eval=no",
      "a small adapter on the attention alone", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes steps=2 resume=yes", "where a killed run stopped; the same adapter",
      setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes[:64] steps=2 pack=no mask=response eval=no",
      "row by row, responses alone", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes steps=2 method=merge-aware lr=2e-3 eval=no; merge",
      "trained on the codes that are shipped", setup: "use demo; load phi; quantize rtn"),
    Example(
      "finetune tiny-codes steps=2 method=dora eval=no",
      "lengths and directions of rows trained apart", setup: "use demo; load phi; quantize rtn"),
    Example(
      "finetune tiny-codes steps=2 init=cloq from=phi samples=8 eval=no",
      "starting from the best repair of the rounding error",
      setup: "use demo; load phi; quantize rtn bits=3"),
  ]
  static let seeAlso = ["merge", "drop", "quantize", "ppl"]
  static let paper: String? = """
    Hu et al., LoRA: Low-rank adaptation of large language models (2021); Kalajdzievski, A rank stabilization scaling \
    factor (rslora, 2023); Liu et al., DoRA: Weight-decomposed low-rank adaptation (2024); Meng et al., PiSSA (2024); Li et al., LoftQ (2023); Deng et al., CLoQ (2025); Loshchilov and \
    Hutter, Decoupled weight decay regularization (AdamW, 2019)
    """
  static let alsoKnownAs = ["train", "lora", "fine-tune", "tune"]

  @Arg(
    "data", "what to train on; the train slice of a dataset that is not sliced by hand",
    noun: "dataset")
  var data: DatasetReference
  @Opt("steps", "optimizer steps", unit: "steps", range: 1...1_000_000) var steps: Int = 100
  @Opt("batch", "sequences per step", unit: "sequences", range: 1...4096) var batch: Int = 16
  @Opt("length", "tokens per sequence", unit: "tokens", range: 2...) var length: Int = 1024
  @Opt("rank", "rank r of the adapter", range: 1...4096) var rank: Int = 64
  @Opt("alpha", "α: the adapter's output is scaled by α/r", range: 0...) var alpha: Double = 16
  @Opt("dropout", "probability that an input of the adapter is hidden", range: 0...0.99)
  var dropout: Double = 0.05
  @Opt("lr", "peak learning rate", range: 0...10) var rate: Double = 2e-4
  @Opt("schedule", "how the learning rate moves") var schedule: ScheduleShape = .constant
  @Opt("warmup", "steps over which the learning rate rises", unit: "steps", range: 0...) var warmup:
    Int = 0
  @Opt("targets", "`all` linear layers but the head, or a list of names") var targets: [String] = [
    "all"
  ]
  @Opt("eval", "what to evaluate on, or `no`; the dataset's eval slice by default") var eval:
    HeldOut?
  @Opt("log", "steps between evaluations and log lines", unit: "steps", range: 1...) var log: Int =
    25
  @Opt("seed", "seeds the adapter, the order of the data and the dropout", range: 0...) var seed:
    Int = 42
  @Opt(
    "method",
    "lora scales by α/r, rslora by α/√r; dora trains the lengths of rows too; merge-aware trains the codes of the merged weights"
  )
  var method: LoRA.Method = .lora
  @Opt("init", "where the adapter starts") var initialization: AdapterInitialization = .default
  @Opt("from", "init=loftq, cloq: the float model that was quantized") var float: ModelReference?
  @Opt(
    "calibration", "init=cloq: calibration text, by default what the model was quantized with",
    noun: "dataset")
  var calibration: DatasetReference?
  @Opt(
    "samples", "init=cloq with calibration=: blocks of text", unit: "blocks", range: 1...1_000_000)
  var samples: Int = 128
  @Opt(
    "block", "init=cloq with calibration=: tokens in a block; 2048, or what the model reads",
    unit: "tokens", range: 2...)
  var block: Int?
  @Opt("pack", "pack rows into blocks; `no` trains row by row") var pack: Bool = true
  @Opt("mask", "with pack=no: predict everything, or the response alone") var mask: MaskChoice =
    .none
  @Opt("shuffle", "see the sequences in a shuffled order") var shuffle: Bool = true
  @Opt("clip", "largest norm of a step's gradient; 0 for none", range: 0...) var clip: Double = 1
  @Opt("decay", "AdamW's weight decay", range: 0...1) var decay: Double = 0
  @Opt("resume", "go on where a run that was killed stopped; `no` starts over") var resume: Bool =
    true
  @Opt("checkpointing", "compute activations again on the way back: less memory, a third more time")
  var checkpointing: Bool = false

  enum ScheduleShape: String, CaseIterable, ArgumentType { case constant, linear, cosine }
  enum MaskChoice: String, CaseIterable, ArgumentType { case none, response }

  private func training() throws -> Dataset {
    try data.rows(for: .train) ?? data.opened()
  }

  private func held() throws -> Dataset? {
    switch eval {
    case .no: nil
    case .dataset(let reference): try reference.rows(for: .eval) ?? reference.opened()
    case nil:
      // Rows that were chosen by hand are trained on whole; nothing of them is set aside.
      try data.opened().isChosen || data.opened().isRandomTokens ? nil : data.rows(for: .eval)
    }
  }

  private func lora() -> LoRA {
    LoRA(
      method: method, rank: rank, alpha: Float(alpha),
      dropout: Float(dropout), targets: targets == ["all"] ? .all : .named(targets),
      seed: UInt64(seed))
  }

  private func floatReference() throws -> LoadedModel? {
    guard let float else { return nil }
    guard let loaded = float.value as? LoadedModel else {
      throw ForeignModel(lineage: float.value.lineage)
    }
    return loaded
  }

  /// The model with a new adapter, and what its initialization did where it did something.
  private func attach(to current: LoadedModel, _ context: RunContext) throws -> (
    Model, InitializationReport?
  ) {
    let base = try current.model
    let reference = try floatReference()?.model
    do {
      let text = try calibrationText(current)
      let (model, report) = try lora().attach(
        to: base, initialization: initialization, float: reference,
        calibration: initialization == .cloq ? try text?.data(for: base) : nil,
        progress: context.progress)
      return (model, report.layers.isEmpty ? nil : report)
    } catch let failure as InitializationMismatch {
      throw $initialization.failure(failure)
    } catch let failure as NothingToMergeInto {
      throw $method.failure(failure)
    } catch let failure as QuantizationFailure {
      throw $samples.failure(failure)
    }
  }

  /// What the Hessians of init=cloq are measured on.
  private func calibrationText(_ current: LoadedModel) throws -> CalibrationText? {
    guard let rows = try calibration?.rows(for: .train) else { return current.calibration }
    return CalibrationText(rows: rows, samples: samples, length: block)
  }

  func warn(_ context: RunContext) throws {
    guard let held = try? held() else { return }
    context.warn(
      of: try context.loadedModel(), measuring: held, about: $eval.isGiven ? "eval" : "data")
  }

  func bind(_ context: BindContext) throws {
    do { _ = try training() } catch let failure as DatasetFailure {
      throw $data.failure(failure)
    }
    if let held = try? held(), let rows = try? training(),
      let (message, help) = Exposure(kind: .trained, rows: rows).warning(measuring: held)
    {
      context.warn("data.trained-on", message, about: $eval.isGiven ? "eval" : "data", help: help)
    }
    if mask == .response, pack {
      throw $mask.failure(
        "mask=response needs pack=no", help: "add pack=no: rows are then trained one by one")
    }
    if $float.isGiven, initialization != .loftq, initialization != .cloq {
      throw $float.failure(
        "from= is for init=loftq and init=cloq", help: "add init=cloq, or leave it out")
    }
    if let model = (context.model as? LoadedModel)?.modelIfRead, !model.hasAdapter {
      _ = try pointing { try lora().targets.choose(among: model.allLinears.map(\.name)) }
    }
  }

  /// Runs `body`, pointing at a target that no layer has.
  private func pointing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as UnknownTarget {
      throw $targets.failure(
        failure, found: failure.target, meant: didYouMean(failure.target, among: failure.known))
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    let current = try context.loadedModel()
    let base = try current.model
    let model: Model
    var start: InitializationReport?
    if base.hasAdapter {
      for given in [
        $rank.isGiven ? "rank" : nil, $targets.isGiven ? "targets" : nil,
        initialization != .default ? "init" : nil, $method.isGiven ? "method" : nil,
      ].compactMap({ $0 }) {
        throw $rank.failure(
          "\(given)= does not apply: the model has an adapter already, which is trained further",
          help: "`merge` it or `drop adapter` first to start a new one")
      }
      context.note("the model's adapter is trained further")
      model = base
    } else {
      (model, start) = try pointing { try attach(to: current, context) }
    }
    let rows = try training()
    let packing = pack ? Packing.blocks : .rows(mask == .response ? .response : .none)
    func sequences(_ rows: Dataset, blocks: Int) throws -> TrainingData {
      try TrainingData(
        rows, tokenizer: model.tokenizer, packing: packing, length: length, blocks: blocks,
        vocabulary: model.config.vocabulary)
    }
    var settings = FineTuningSettings()
    settings.steps = steps
    settings.batch = batch
    settings.rate = Float(rate)
    settings.schedule = Schedule(
      Schedule.Shape(rawValue: schedule.rawValue) ?? .constant, warmup: warmup)
    settings.clip = clip == 0 ? nil : Float(clip)
    settings.decay = Float(decay)
    settings.seed = UInt64(seed)
    settings.shuffles = shuffle
    settings.checkpointing = checkpointing
    settings.passTokens = model.backend.device.trainingTokens
    settings.log = log
    var trainer = Trainer(settings, progress: context.progress)
    trainer.workplace = resume ? context.workplace : nil
    let (trained, report) = try trainer.train(
      model, on: try sequences(rows, blocks: steps * batch),
      evaluating: try held().map { try sequences($0, blocks: batch) })
    let value = try completed(current.continued(by: trained), context)
    var summary = Self.summarize(report, rows: rows.label, log: log)
    if let start {
      summary.fields["init"] = .object(
        JSONObject([
          ("name", .string(initialization.rawValue)), ("error_before", .number(start.before)),
          ("error_after", .number(start.after)),
        ]))
      let what =
        initialization == .pissa ? "of the weights left in the base" : "of the rounding error left"
      summary.display.insert(
        .text(
          "\(initialization.rawValue): \(Words.percent(start.before > 0 ? start.after / start.before : 0)) \(what)"
            + (initialization == .cloq ? ", as calibration weighs it" : "")), at: 0)
    }
    if let step = report.resumed {
      context.remark("went on after step \(step), where an earlier run was cut off")
    }
    if let stopped = report.stopped {
      context.note(
        "stopped after step \(report.steps) of \(steps): `$stopped` is the model as of that step")
      throw Unfinished(stopped.failure, keeping: value, report: summary)
    }
    return .model(value, summary)
  }

  static let indifferent = ["resume"]
  static let measurements = ["tokens_per_second"]

  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
    var parts = [
      EntryKey.Part("rows", try training().contentHash()),
      EntryKey.Part("held-out rows", try held()?.contentHash() ?? "none"),
    ]
    if initialization == .cloq, let text = try calibrationText(try context.loadedModel()) {
      parts.append(EntryKey.Part("calibration rows", try text.contentHash()))
    }
    return parts
  }

  func completed(_ model: any ModelValue, _ context: RunContext) throws -> any ModelValue {
    guard var model = model as? LoadedModel else { return model }
    let current = try context.loadedModel()
    model.calibration = current.calibration
    model.exposures = current.exposures + [Exposure(kind: .trained, rows: try training())]
    return model
  }

  private static func summarize(_ report: FineTuningReport, rows: String, log: Int) -> Report {
    var fields = JSONObject([
      ("data", .string(rows)),
      ("steps", .int(report.steps)),
      ("loss", .array(report.loss.map { .number($0) })),
      ("tokens_per_second", .number(report.tokensPerSecond.rounded())),
      (
        "eval",
        .array(
          report.evaluations.map {
            .object(JSONObject([("step", .int($0.step)), ("loss", .number($0.loss))]))
          })
      ),
      ("gradient_norm", .array(report.gradientNorm.map { .number($0) })),
      ("trainable", .int(report.parameters)),
      ("tokens", .int(report.tokens)),
      ("epochs", .number(report.epochs)),
      ("packing", .string(report.packing)),
    ])
    if let last = report.loss.last { fields["final_loss"] = .number(last) }
    var lines: [[String]] = []
    for end in stride(from: log, through: report.steps, by: log) {
      let part = report.loss[(end - log)..<end]
      let mean = part.reduce(0, +) / Double(part.count)
      let held = report.evaluations.first { $0.step == end }
      lines.append(["\(end)", Words.short(mean), held.map { Words.short($0.loss) } ?? ""])
    }
    if report.steps % log != 0 {
      let part = report.loss[(report.steps - report.steps % log)...]
      let held = report.evaluations.last { $0.step == report.steps }
      lines.append([
        "\(report.steps)", Words.short(part.reduce(0, +) / Double(part.count)),
        held.map { Words.short($0.loss) } ?? "",
      ])
    }
    // A long run's lines are thinned; the curve and the fields have all of them.
    let stretch = max((lines.count + 9) / 10, 1)
    let last = lines.count - 1
    let shown = lines.indices.filter { ($0 + 1).isMultiple(of: stretch) || $0 == last }
    var display: [Display] = [
      .text(
        "\(Words.counted(report.steps, "step")) on \(rows): \(report.packing); \(Words.count(report.parameters)) trained parameters; "
          + "\(Words.count(Int(report.tokensPerSecond))) tokens/s"),
      .grid(
        Grid(columns: ["step", "loss (mean)", "eval loss"], rows: shown.map { lines[$0] })
          .withoutEmptyColumns),
    ]
    if report.steps >= 10, let chart = LossChart(fields).chart { display.append(.chart(chart)) }
    return Report(value: report.evaluations.last?.loss, fields: fields, display: display)
  }
}

/// What a fine-tune evaluates on: a dataset, or nothing.
enum HeldOut: ArgumentType {
  case no
  case dataset(DatasetReference)

  static var phrase: String { "a dataset, or `no`" }
  static var source: ValueSource? { .datasets }
  static var accepted: [Kind] { [.dataset, .string, .bool] }

  var written: String {
    switch self {
    case .no: "no"
    case .dataset(let reference): reference.written
    }
  }

  static func convert(_ datum: Datum, _ conversion: Conversion) throws -> HeldOut {
    switch datum {
    case .bool(false), .string("no"): .no
    default: .dataset(try DatasetReference.convert(datum, conversion))
    }
  }
}

extension LoRA.Method: ArgumentType {}
extension AdapterInitialization: ArgumentType {}

import Data
import FineTuning
import JSON
import Language
import Models
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(FineTune.self, in: $0) }

/// `finetune DATASET`
struct FineTune: Verb {
  static let name = "finetune"
  static let summary = "train a low-rank adapter on the current model, float or quantized"
  static let details = """
    y = xWᵀ + (α/r)·(xAᵀ)Bᵀ with W frozen: A starts Kaiming-uniform, B at zero. AdamW (0.9, 0.999, 1e-8, no weight \
    decay), the gradient clipped to a norm of 1. Works the same on float, RTN, GPTQ and AWQ bases; codes stay packed.

    Rows are tokenized one by one, joined by blank lines and cut into blocks of length=; pack=no trains row by row, and \
    mask=response then predicts the response alone. A model that has an adapter already has it trained further.
    """
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "finetune tiny-codes steps=2", "two steps with the defaults", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes steps=2 rank=8 targets=[qkv_proj o_proj] lr=1e-3 eval=no",
      "a small adapter on the attention alone", setup: "use demo; load phi"),
    Example(
      "finetune tiny-codes[:64] steps=2 pack=no mask=response eval=no",
      "row by row, responses alone", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["merge", "drop", "quantize", "ppl"]
  static let paper: String? = "Hu et al., LoRA: Low-rank adaptation of large language models (2021)"
  static let alsoKnownAs = ["train", "lora", "fine-tune", "tune"]

  @Arg(
    "data", "what to train on; the train slice of a dataset that is not sliced by hand",
    noun: "dataset")
  var data: DatasetReference
  @Opt("steps", "optimizer steps", range: 1...1_000_000) var steps: Int = 100
  @Opt("batch", "sequences per step", range: 1...4096) var batch: Int = 16
  @Opt("length", "tokens per sequence", unit: "tokens", range: 2...) var length: Int = 1024
  @Opt("rank", "rank r of the adapter", range: 1...4096) var rank: Int = 64
  @Opt("alpha", "α: the adapter's output is scaled by α/r") var alpha: Double = 16
  @Opt("dropout", "probability that an input of the adapter is hidden", range: 0...0.99)
  var dropout: Double = 0.05
  @Opt("lr", "peak learning rate", range: 0...10) var rate: Double = 2e-4
  @Opt("schedule", "how the learning rate moves") var schedule: ScheduleShape = .constant
  @Opt("warmup", "steps over which the learning rate rises", range: 0...) var warmup: Int = 0
  @Opt("targets", "`all` linear layers but the head, or a list of names") var targets: [String] = [
    "all"
  ]
  @Opt("eval", "what to evaluate on, or `no`; the dataset's eval slice by default") var eval:
    HeldOut?
  @Opt("log", "steps between evaluations and log lines", range: 1...) var log: Int = 25
  @Opt("seed", "seeds the adapter, the order of the data and the dropout", range: 0...) var seed:
    Int = 42
  @Opt("method", "lora scales by α/r, rslora by α/√r") var method: AdapterMethod = .lora
  @Opt("pack", "pack rows into blocks; `no` trains row by row") var pack: Bool = true
  @Opt("mask", "with pack=no: predict everything, or the response alone") var mask: MaskChoice =
    .none
  @Opt("shuffle", "see the sequences in a shuffled order") var shuffle: Bool = true
  @Opt("clip", "largest norm of a step's gradient; 0 for none", range: 0...) var clip: Double = 1
  @Opt("decay", "AdamW's weight decay", range: 0...1) var decay: Double = 0
  @Opt("checkpointing", "compute activations again on the way back: less memory, a third more time")
  var checkpointing: Bool = false

  enum ScheduleShape: String, CaseIterable, ArgumentType { case constant, linear, cosine }
  enum AdapterMethod: String, CaseIterable, ArgumentType { case lora, rslora }
  enum MaskChoice: String, CaseIterable, ArgumentType { case none, response }

  private func training() throws -> Dataset {
    guard let rows = try data.rows(for: .train) else {
      throw $data.failure("\(data.value.name) has no train rows")
    }
    return rows
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
      method: LoRA.Method(rawValue: method.rawValue) ?? .lora, rank: rank, alpha: Float(alpha),
      dropout: Float(dropout), targets: targets == ["all"] ? .all : .named(targets),
      seed: UInt64(seed))
  }

  func bind(_ context: BindContext) throws {
    do { _ = try training() } catch let failure as DatasetFailure {
      throw $data.failure(failure.message, help: failure.help)
    }
    if mask == .response, pack {
      throw $mask.failure(
        "mask=response needs pack=no", help: "add pack=no: rows are then trained one by one")
    }
    if let model = context.model as? LoadedModel, !model.model.hasAdapter {
      do { _ = try lora().targets.choose(among: model.model.allLinears.map(\.name)) } catch let
        failure as UnknownTarget
      {
        let nearest = didYouMean(failure.target, among: failure.known)
        throw $targets.failure(
          failure.message, label: nearest.map { "did you mean `\($0)`?" }, help: failure.help)
      }
    }
  }

  func run(_ context: RunContext) throws -> Outcome {
    let current = try context.loadedModel()
    let base = current.model
    let model: Model
    if base.hasAdapter {
      for given in [$rank.isGiven ? "rank" : nil, $targets.isGiven ? "targets" : nil].compactMap({
        $0
      }) {
        throw $rank.failure(
          "\(given)= does not apply: the model has an adapter already, which is trained further",
          help: "`merge` it or `drop adapter` first to start a new one")
      }
      context.note("the model's adapter is trained further")
      model = base
    } else {
      model = try lora().attach(to: base)
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
    settings.log = log
    let (trained, report) = try Trainer(settings, progress: context.progress).train(
      model, on: try sequences(rows, blocks: steps * batch),
      evaluating: try held().map { try sequences($0, blocks: batch) })
    var value = LoadedModel(trained)
    value.quantization = current.quantization
    let summary = Self.summarize(report, rows: rows.label, log: log)
    if let stopped = report.stopped {
      context.note(
        "stopped after step \(report.steps) of \(steps); the adapter as of that step is kept")
      throw Unfinished(stopped.failure, keeping: value, report: summary)
    }
    return .model(value, summary)
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
        "\(report.steps) steps on \(rows): \(report.packing); \(Words.count(report.parameters)) trained parameters; "
          + "\(Words.count(Int(report.tokensPerSecond))) tokens/s"),
      .grid(
        Grid(columns: ["step", "loss (mean)", "eval loss"], rows: shown.map { lines[$0] })),
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

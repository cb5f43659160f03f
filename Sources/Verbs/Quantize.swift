import Cache
import Checkpoints
import Data
import JSON
import Language
import Models
import Quantization
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(Quantize.self, in: $0) }

/// `quantize METHOD`
struct Quantize: CacheableVerb {
  static let name = "quantize"
  static let memoryAdvice: String? = "fewer samples= or a smaller length="
  static let summary = "round the weights of the linear layers to a few bits"
  static let details = """
    rtn rounds each weight to the nearest code. gptq rounds column by column and moves each error onto the columns that \
    are still float. awq first scales the channels that matter, then clips and rounds. Head and embedding stay float.

    gptq and awq measure activations on calibration text: samples= blocks of length= tokens, the same for every method. \
    An adapter stays float beside the quantized base; `merge` it first to quantize the sum.
    """
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "quantize gptq samples=8", "4 bits in groups of 128, calibrated", setup: "use demo; load phi"),
    Example(
      "quantize rtn bits=3 group=32", "plain rounding to 3 bits", setup: "use demo; load phi"),
    Example(
      "quantize awq samples=8 skip=[down_proj]", "some layers left float",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["inspect", "finetune", "ppl", "save"]
  static let paper: String? =
    "Frantar et al., GPTQ (2023); Lin et al., AWQ: Activation-aware weight quantization (2024)"
  static let alsoKnownAs = ["gptq", "awq", "rtn", "compress"]

  @Arg(
    "method", "the algorithm", noun: "quantizer", choices: Quantizers.names,
    hints: Quantizers.all.map(\.summary))
  var method: String
  @Opt("bits", "bits per weight", choices: ["2", "3", "4", "8"]) var bits: Int = 4
  @Opt("group", "weights that share a scale: 16 to 128, or `none` for whole rows") var group:
    GroupWidth = .of(128)
  @Opt("symmetric", "a fixed zero point in the middle, instead of one for each group")
  var symmetric: Bool?
  @Opt("data", "calibration text", noun: "dataset") var data: DatasetReference?
  @Opt("samples", "blocks of calibration text", unit: "blocks", range: 1...1_000_000) var samples:
    Int = 128
  @Opt(
    "length", "tokens in a block; 2048 by default, or what the model reads", unit: "tokens",
    range: 2...)
  var length: Int?
  @Opt(
    "seed", "which blocks: 42 takes the first, another number draws as many at random", range: 0...)
  var seed: Int = 42
  @Opt("order", "gptq: the order of columns; act and gar take the largest inputs first")
  var order: QuantizationSettings.Order?
  @Opt("scale", "how a group's scale is found: from its extremes, or by least squares")
  var scale: ScaleRule?
  @Opt("damp", "gptq: share of the mean of the Hessian's diagonal added to it", range: 0...1)
  var damp: Double?
  @Opt("sequential", "calibrate each layer on what the quantized layers before it give")
  var sequential: Bool?
  @Opt("objective", "awq: judge scales by the layer's Hessian, or by its block's output")
  var objective: QuantizationSettings.Objective?
  @Opt("skip", "layers that stay float: parts of their names, `*` for anything") var skip:
    [String] = []

  private func settings() throws -> QuantizationSettings {
    var settings = try Quantizers.named(method).defaults
    settings.bits = bits
    settings.group = group.width
    if let symmetric { settings.symmetric = symmetric }
    settings.samples = samples
    settings.length = length
    settings.seed = seed == 42 ? nil : UInt64(seed)
    if let order { settings.order = order }
    if let scale { settings.scale = scale }
    if let damp { settings.damping = Float(damp) }
    if let sequential { settings.sequential = sequential }
    if let objective { settings.objective = objective }
    settings.skip = skip
    return settings
  }

  private func calibrationRows() throws -> Dataset? {
    guard try Quantizers.named(method).needsData else { return nil }
    guard let data else {
      throw $data.failure(
        "\(method) needs calibration text", help: "name a dataset: data=wikitext.train")
    }
    do {
      return try data.rows(for: .train) ?? data.opened()
    } catch let failure as DatasetFailure {
      throw $data.failure(failure)
    }
  }

  /// Runs `body`, pointing at the argument that a failure is about.
  private func pointing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as QuantizationFailure {
      let found: ArgumentFailure =
        switch failure {
        case .groupOutOfRange, .groupDoesNotDivide: $group.failure(failure)
        case .tooFewSamples: $samples.failure(failure)
        case .badDamping: $damp.failure(failure)
        case .unmatchedSkip: $skip.failure(failure)
        case .notForMethod("objective", _): $objective.failure(failure)
        case .notForMethod: $order.failure(failure)
        default: $method.failure(failure)
        }
      throw found
    }
  }

  /// What a method that calibrates on nothing has no use for.
  private static let aboutCalibration: Set = [
    "data", "samples", "length", "seed", "order", "damp", "sequential", "objective",
  ]

  func needs(_ parameter: String) -> Bool {
    guard Self.aboutCalibration.contains(parameter), $method.isGiven,
      let quantizer = try? Quantizers.named(method)
    else { return true }
    return quantizer.needsData
  }

  func bind(_ context: BindContext) throws {
    let settings = try settings()
    try pointing { try settings.check() }
    _ = try calibrationRows()
  }

  func run(_ context: RunContext) throws -> Outcome {
    let loaded = try context.loadedModel()
    let current = try loaded.model
    let settings = try settings()
    let rows = try calibrationRows()
    let (model, report, calibration) = try pointing {
      let calibration = try rows.map {
        try CalibrationData(
          $0, tokenizer: current.tokenizer, vocabulary: current.config.vocabulary,
          samples: samples, length: settings.length(maxPositions: current.config.maxPositions),
          seed: settings.seed)
      }
      let shared = try calibration.flatMap { _ in try sharedStatistics(loaded, settings, context) }
      let float = shared.map(Self.statistics)
      let (model, report) = try current.quantized(
        settings, calibration: calibration, progress: context.progress,
        workplace: context.workplace, float: float)
      if let float, float.isComplete(for: current), let made = float.made {
        try shared?.keep(seconds: float.seconds, bytes: float.byteCount) { entry in
          try entry.write(
            made.map { TensorSource(name: $0.name, $0.tensor, backend: current.backend) },
            stem: Self.stem)
        }
      }
      return (model, report, calibration)
    }
    if report.resumed > 0 {
      context.remark(
        "\(Words.counted(report.resumed, "block")) \(report.resumed == 1 ? "was" : "were") taken over from a run that was cut off"
      )
    }
    for layer in report.layers {
      guard let damping = layer.damping else { continue }
      context.note(
        "\(layer.name): the damping was raised to \(Words.short(Double(damping))) of the mean diagonal before the Hessian could be factored"
      )
    }
    if let calibration {
      let widest = current.allLinears.map(\.inputs).max() ?? 0
      if calibration.tokens < widest {
        context.warn(
          "calibration.few-tokens",
          "\(calibration.tokens) tokens of calibration are fewer than the \(widest) inputs of the widest layer",
          about: $samples.isGiven ? "samples" : "length",
          help:
            "what was not measured is filled in by damping: use samples=\(max(128, widest / max(1, calibration.tokens / max(1, samples)) + 1))"
        )
      }
    }
    return .model(
      try completed(LoadedModel(model, quantization: report), context),
      describe(report, settings: settings, calibration: calibration))
  }

  /// Where the Hessians of a float model on this text lie, for every method and number of bits that calibrates on it.
  private func sharedStatistics(
    _ model: LoadedModel, _ settings: QuantizationSettings, _ context: RunContext
  ) throws -> SharedWork? {
    guard settings.measuresFloat, let text = try calibrationText() else { return nil }
    return try context.shared(
      "hessians", of: model,
      [
        EntryKey.Part("rows", try text.rows.contentHash()),
        EntryKey.Part("samples", "\(text.samples)"),
        EntryKey.Part("length", text.length.map(String.init) ?? ""),
        EntryKey.Part("seed", text.seed.map(String.init) ?? "first"),
      ])
  }

  private static let stem = "statistics"

  private static func statistics(_ shared: SharedWork) -> FloatStatistics {
    guard let tensors = try? shared.find()?.tensors(stem: stem) else { return FloatStatistics() }
    return FloatStatistics { try tensors.tensor($0) }
  }

  /// Also for a method that needs none, so that what is compared later uses the same.
  private func calibrationText() throws -> CalibrationText? {
    let seed = try settings().seed
    return (try calibrationRows() ?? (try? data?.rows(for: .train))).map {
      CalibrationText(rows: $0, samples: samples, length: length, seed: seed)
    }
  }

  func completed(_ model: any ModelValue, _ context: RunContext) throws -> any ModelValue {
    guard var model = model as? LoadedModel else { return model }
    model.calibration = try calibrationText()
    model.exposures = try context.loadedModel().exposures
    if let rows = try calibrationRows() {
      model.exposures.append(Exposure(kind: .calibrated, rows: rows))
    }
    return model
  }

  func keyParts(_ context: RunContext) throws -> [EntryKey.Part]? {
    try calibrationRows().map { [EntryKey.Part("rows", try $0.contentHash())] } ?? []
  }

  private func describe(
    _ report: QuantizationReport, settings: QuantizationSettings, calibration: CalibrationData?
  ) -> Report {
    var fields = JSONObject([
      ("method", .string(method)), ("bits", .int(bits)),
      ("group", group.width.map { .int($0) } ?? .null), ("symmetric", .bool(settings.symmetric)),
      ("bits_per_weight", .number(report.bitsPerWeight)), ("bytes", .int(report.bytesAfter)),
      ("bytes_before", .int(report.bytesBefore)),
      (
        "layers",
        .array(
          report.layers.map {
            .object(
              JSONObject([
                ("name", .string($0.name)), ("error", .number($0.error)),
                ("proxy", $0.proxy.map(JSON.number) ?? .null),
                ("bits_per_weight", .number($0.bitsPerWeight)),
              ]))
          })
      ),
      ("skipped", .array(report.skipped.map(JSON.string))),
    ])
    var origin = ""
    if let calibration {
      fields["data"] = .string(calibration.source)
      fields["samples"] = .int(calibration.samples)
      fields["tokens"] = .int(calibration.tokens)
      origin =
        "; calibrated on \(Words.counted(calibration.samples, "block")) (\(calibration.tokens) tokens) of \(calibration.source)"
    }
    let hasProxies = report.layers.contains { $0.proxy != nil }
    let mean = report.layers.reduce(0) { $0 + $1.error } / Double(max(report.layers.count, 1))
    return Report(
      fields: fields,
      display: [
        .text(
          "\(report.layers.count) layers at \(Words.decimals(report.bitsPerWeight, 2)) bits per weight, "
            + "\(Words.bytes(report.bytesBefore)) → \(Words.bytes(report.bytesAfter)), mean error \(Words.percent(mean))"
            + origin),
        .grid(
          Grid(
            columns: ["layer", "error ‖ΔW‖/‖W‖"] + (hasProxies ? ["output error (proxy)"] : []),
            rows: report.layers.map {
              [$0.name, Words.percent($0.error)]
                + (hasProxies ? [$0.proxy.map { Words.short($0) } ?? ""] : [])
            })),
      ])
  }
}

extension QuantizationSettings.Order: ArgumentType {}
extension QuantizationSettings.Objective: ArgumentType {}
extension ScaleRule: ArgumentType {}

/// The width of a group: a number, or a whole row.
enum GroupWidth: ArgumentType, Equatable {
  case none
  case of(Int)

  var width: Int? {
    if case .of(let width) = self { return width }
    return nil
  }

  static var phrase: String { "a group of 16 to 128 weights, or `none`" }
  static var accepted: [Kind] { [.number, .string] }

  var written: String {
    switch self {
    case .none: "none"
    case .of(let width): "\(width)"
    }
  }

  static func convert(_ datum: Datum, _ conversion: Conversion) throws -> GroupWidth {
    switch datum {
    case .string("none"): return GroupWidth.none
    case .number(let quantity):
      if quantity.integer == -1 { return GroupWidth.none }
      guard let width = quantity.integer, (16...128).contains(width), quantity.unit == .none else {
        break
      }
      return .of(width)
    default: break
    }
    throw Mismatch(expected: phrase, found: datum)
  }
}

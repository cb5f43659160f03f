import Cache
import Data
import FineTuning
import JSON
import Models
import Quantization
import Runtime
import Session
import Tensor

/// A model of the engine as a value of the language.
///
/// One that comes from the cache is not read before it is used: a script whose every stage is cached reads no weights.
struct LoadedModel: ModelValue {
  private let content: Deferred<Model>
  private let report: Deferred<QuantizationReport?>
  private let facts: Deferred<JSONObject>
  /// How it came to be, a step each.
  let steps: [String]
  private var naming: Naming

  /// Where its name comes from.
  private enum Naming: Sendable {
    case none
    case known(String)
    case deferred(Deferred<String?>)
  }

  let execution: String
  var provenance: Provenance?
  /// The text that it was calibrated on, or would have been by a method that needs any.
  var calibration: CalibrationText?
  /// The rows that it was trained or calibrated on in this session, oldest first.
  var exposures: [Exposure] = []

  init(
    _ model: Model, quantization: QuantizationReport? = nil, calibration: CalibrationText? = nil,
    merge: MergeReport? = nil
  ) {
    self.calibration = calibration
    content = Deferred(made: model)
    report = Deferred(made: quantization)
    facts = Deferred { model.facts(merge) }
    steps = model.lineage
    execution = model.execution
    naming = .none
  }

  /// A model with weights from files: what names it is computed when somebody asks.
  init(_ model: Model, identity: Deferred<String?>) {
    self.init(model)
    naming = .deferred(identity)
  }

  /// What names it, without the model.
  var name: Deferred<String?> {
    switch naming {
    case .none: Deferred(made: nil)
    case .known(let name): Deferred(made: name)
    case .deferred(let name): name
    }
  }

  private init(
    restored content: Deferred<Model>, report: Deferred<QuantizationReport?>, facts: JSONObject,
    steps: [String], execution: String, name: String
  ) {
    self.content = content
    self.report = report
    self.facts = Deferred(made: facts)
    self.steps = steps
    self.execution = execution
    naming = .known(name)
  }

  /// The same under the same name, with another model in place of its own.
  func replacing(_ change: (Model) throws -> Model) throws -> LoadedModel {
    let model = try change(model)
    var replaced = LoadedModel(
      restored: Deferred(made: model), report: report, facts: fields, steps: steps,
      execution: execution, name: "")
    replaced.naming = naming
    replaced.calibration = calibration
    replaced.exposures = exposures
    replaced.provenance = provenance
    return replaced
  }

  /// The model itself.
  ///
  /// - Throws: What reading it from the cache, or else making it again, throws.
  var model: Model { get throws { try content.value } }

  /// The model, where it was read already: for checks that can wait.
  var modelIfRead: Model? { content.made }

  /// The same model after a step that leaves its quantization as it is.
  func continued(by model: Model) throws -> LoadedModel {
    var next = LoadedModel(model, quantization: try quantization, calibration: calibration)
    next.exposures = exposures
    return next
  }

  /// Whether it was fine-tuned, also where the adapter was merged since.
  var isTrained: Bool { fields["adapter"] == true || steps.contains(where: LoRA.Method.isTraining) }

  /// What the last quantization did to each layer, where it happened in this session.
  var quantization: QuantizationReport? { get throws { try report.value } }

  var lineage: String { steps.joined(separator: " → ") }

  var fields: JSONObject { (try? facts.value) ?? JSONObject() }
}

extension LoadedModel: StorableModel {
  func identity() throws -> ModelIdentity? {
    try name.value.map { ModelIdentity(content: $0, execution: execution) }
  }

  func named(_ content: String) throws -> any ModelValue {
    var named = self
    named.naming = .known(content)
    return named
  }

  func facts(madeFrom base: any ModelValue) throws -> (facts: JSONObject, bytes: Int) {
    let patch = try patch(from: base)
    var facts = JSONObject([
      ("patch", patch.json), ("fields", .object(fields)), ("execution", .string(execution)),
    ])
    facts["quantization"] = try quantization?.json
    return (facts, patch.byteCount)
  }

  func store(in entry: EntryWriter, madeFrom base: any ModelValue) throws {
    let patch = try patch(from: base)
    guard !patch.sources.isEmpty else { return }
    try entry.write(patch.sources, stem: Self.stem)
  }

  func restored(
    _ entry: StoredEntry, facts: JSONObject, name: String,
    making: @escaping @Sendable () throws -> any ModelValue
  ) throws -> any ModelValue {
    guard let patch = facts["patch"], let fields = facts["fields"]?.objectValue,
      let execution = facts["execution"]?.stringValue,
      let steps = try? ModelPatch.lineage(patch, after: steps)
    else { throw entry.damaged("its facts cannot be read") }
    let base = content
    let made = Deferred {
      guard let made = try making() as? LoadedModel else {
        throw entry.damaged("its model is foreign")
      }
      return made
    }
    let content = Deferred { () throws -> Model in
      guard entry.has("\(Self.stem).safetensors") else { return try made.value.model }
      let base = try base.value
      do {
        return try ModelPatch.apply(patch, entry.tensors(stem: Self.stem), to: base)
      } catch is DamagedEntry {
        return try made.value.model
      } catch let failure as BadPatch {
        _ = entry.damaged(failure.message)
        return try made.value.model
      }
    }
    let report = Deferred { () throws -> QuantizationReport? in
      guard let json = facts["quantization"] else { return nil }
      return try QuantizationReport(json) ?? made.value.quantization
    }
    var restored = LoadedModel(
      restored: content, report: report, facts: fields, steps: steps, execution: execution,
      name: name)
    restored.exposures = exposures
    return restored
  }

  private static let stem = "model"

  private func patch(from base: any ModelValue) throws -> ModelPatch {
    guard let base = base as? LoadedModel else { throw ForeignModel(lineage: base.lineage) }
    return ModelPatch(from: try base.model, to: try model)
  }
}

extension Model {
  /// - Parameter merge: What of the training survived, where an adapter was merged last.
  fileprivate func facts(_ merge: MergeReport?) -> JSONObject {
    func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }
    return JSONObject([
      ("family", .string(family)),
      ("parameters", .int(parameterCount)),
      ("bytes", .int(byteCount)),
      ("bits_per_weight", .number(bitsPerWeight)),
      ("quantized", .bool(isQuantized)),
      ("adapter", .bool(hasAdapter)),
      ("adapter_parameters", .int(adapterParameterCount)),
      ("layers", .int(config.layers)),
      ("hidden", .int(config.hidden)),
      ("vocabulary", .int(config.vocabulary)),
      ("compute", .string(precision.rawValue)),
      ("merge_steps", number(merge?.total.steps)),
      ("merge_changed", number(merge?.total.changed)),
      ("merge_cosine", number(merge?.total.cosine)),
    ])
  }

  /// What computes with it, as keys of the cache name it.
  fileprivate var execution: String { "\(backend.arithmetic), \(precision.rawValue)" }
}

/// A model that is none of the engine's.
struct ForeignModel: Failure {
  var lineage: String
  var message: String { "\(lineage) is not a model that the engine can work with" }
}

extension RunContext {
  /// The piped or current model.
  func loadedModel() throws -> LoadedModel { try model(as: LoadedModel.self) }

  var engine: Engine { get throws { try host(as: Engine.self) } }

  /// The backend in use. The report says which device was taken, once.
  func backend() throws -> any Backend {
    let backend = try engine.backend()
    if let notice = try engine.takeNotice() { note(notice) }
    return backend
  }
}

/// Which blocks of which rows a model is calibrated on.
struct CalibrationText: Sendable {
  var rows: Dataset
  var samples: Int
  /// Tokens in a block; nil: 2048, or what the model reads.
  var length: Int?
  var seed: UInt64?

  /// Equal for the same blocks of the same rows.
  func contentHash() throws -> String {
    "\(try rows.contentHash()) \(samples) \(length ?? 0) \(seed.map(String.init) ?? "first")"
  }

  /// - Throws: `QuantizationFailure.tooFewSamples`, `DatasetFailure`, `Cancelled`.
  func data(for model: Model) throws -> CalibrationData {
    try CalibrationData(
      rows, tokenizer: model.tokenizer, vocabulary: model.config.vocabulary, samples: samples,
      length: length ?? min(2048, model.config.maxPositions), seed: seed)
  }
}

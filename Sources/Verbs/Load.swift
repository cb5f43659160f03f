import Cache
import Checkpoints
import Data
import JSON
import Language
import Models
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(Load.self, in: $0) }

/// `load NAME|PATH|HUB-ID`
struct Load: ReproducibleVerb {
  static let name = "load"
  static let memoryAdvice: String? = "a smaller model, or dtype=bf16"
  static let summary = "load a model, which becomes the current one"
  static let details = """
    Takes a name of the standard library (phi, llama), a folder in the Hugging Face layout, or a hub id that lies in the \
    Hugging Face cache. Reads config.json, safetensors (sharded or not; f32, f16, bf16), quantized weights that olv or \
    Olive wrote, and a PEFT adapter that lies in the folder. Weights are mapped from the file, not copied.

    adapter= takes an adapter from another folder, as Olive writes it beside its model.

    weights=random needs the configuration only and draws weights from the seed, on the device: for timing and plans. The \
    shapes of phi and llama ship with olv.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.model
  static let examples = [
    Example(
      "load phi", "the standard library's phi, or the small one after `use demo`", setup: "use demo"
    ),
    Example("load phi dtype=f32", "the same with its weights converted to f32", setup: "use demo"),
    Example(
      "load phi weights=random seed=7", "the same shape with random weights", setup: "use demo"),
  ]
  static let seeAlso = ["save", "inspect", "models"]
  static let alsoKnownAs = ["open", "from_pretrained"]

  /// Where the weights come from.
  enum Weights: String, CaseIterable, ArgumentType {
    case stored, random
  }

  @Arg("model", "what to load: a name, a folder, or a hub id", noun: "model") var source:
    ModelSource
  @Opt("revision", "branch, tag or commit of a hub id in the cache") var revision: String?
  @Opt("dtype", "convert float weights to this type; otherwise they stay as stored")
  var dtype: WeightType?
  @Opt("weights", "`random` draws them instead of reading them") var weights: Weights = .stored
  @Opt("seed", "seeds random weights", range: 0...) var seed: Int = 42
  @Opt("adapter", "a PEFT adapter to use instead of the one in the folder: a folder or a hub id")
  var adapter: Path?
  @Opt("name", "what lineages call it; the source as written by default") var name: String?

  /// The model's folder. Where only its shape is wanted, the standard library may know that.
  private func folder(_ engine: Engine, _ session: Session) throws -> String {
    if weights == .random, let library = session.standardLibraryFolder,
      (try? engine.cache.find(source.location, kind: .model, revision: revision)) == nil
    {
      let shipped = "\(library)/configs/\(source.location)"
      if FileBytes.isFile("\(shipped)/\(ModelFiles.config)") { return shipped }
    }
    do { return try engine.cache.find(source.location, kind: .model, revision: revision) } catch let
      failure as any Failure
    { throw $source.failure(failure) }
  }

  /// The model under a name that tells it from all others; the cache goes by it.
  private func named(_ model: Model, _ store: ContentStore?) -> LoadedModel {
    LoadedModel(
      model,
      identity: weights == .random
        ? randomIdentity(of: model, seed: seed, dtype: dtype?.dtype)
        : weightIdentity(of: model, in: store, converted: dtype?.dtype))
  }

  func inputs(found model: any ModelValue) -> Deferred<[EntryKey.Part]>? {
    guard let name = (model as? LoadedModel)?.name else { return nil }
    return Deferred { [EntryKey.Part("weights", try name.value ?? "")] }
  }

  var implied: [(key: String, text: String)] {
    name == nil && source.name != source.location ? [("name", source.name)] : []
  }

  func bind(_ context: BindContext) throws {
    guard let engine = context.session.host as? Engine, !engine.isPromised(source.location) else {
      return
    }
    do { _ = try folder(engine, context.session) } catch var failure as ArgumentFailure {
      let known = context.names(for: Self.name).map(\.name)
      failure.meant = failure.meant ?? didYouMean(source.location, among: known)
      throw failure
    }
    if let adapter, !engine.isPromised(adapter.path) { _ = try adapterFolder(engine) }
  }

  private func adapterFolder(_ engine: Engine) throws -> String? {
    guard let adapter else { return nil }
    do { return try engine.cache.find(adapter.path, kind: .model) } catch let failure as any Failure
    { throw $adapter.failure(failure) }
  }

  func run(_ context: RunContext) throws -> Outcome {
    let engine = try context.engine
    let folder = try folder(engine, context.session)
    let backend = try context.backend()
    var model: Model
    switch weights {
    case .stored:
      model = try loadModel(
        folder: folder, backend: backend, compute: engine.compute, dtype: dtype?.dtype,
        name: name ?? source.name, adapter: try adapterFolder(engine),
        resolve: { try engine.cache.find($0, kind: .model) })
    case .random:
      if adapter != nil { throw $adapter.failure("random weights have no adapter") }
      model = try randomModel(
        folder: folder, backend: backend, compute: engine.compute, dtype: dtype?.dtype,
        seed: UInt64(seed), name: name ?? source.name)
    }
    if engine.compute == .bf16, !backend.supports(.bf16) {
      context.note("this processor has no fast bf16 products; computing in f32")
      model.precision = .f32
    }
    let value = named(model, engine.store)
    var fields = value.fields
    fields["folder"] = .string(folder)
    let report = Report(
      fields: fields,
      display: [
        .text(
          "\(value.lineage): \(model.family), \(Words.count(model.parameterCount)) parameters, "
            + "\(Words.bytes(model.byteCount)), \(model.config.layers) layers, computing in "
            + model.precision.rawValue)
      ])
    return .model(value, report)
  }
}

/// The types that float weights may have.
enum WeightType: String, CaseIterable, ArgumentType {
  case f32, f16, bf16

  var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

import Checkpoints
import JSON
import Runtime
import Tensor

/// How a model is written.
public struct SaveSettings: Sendable {
  /// Weights are split into files of at most so many bytes.
  public var shardLimit: Int

  public init(shardLimit: Int = 5_000_000_000) { self.shardLimit = shardLimit }
}

/// Writes the model as a folder in the Hugging Face layout: config.json, safetensors, the tokenizer's files, and the
/// lineage in olv.json. Quantized linears are written as Olive does where its layout can hold them (else as olv's own,
/// see `QuantizedLayout`), an adapter in PEFT's layout in the subfolder `adapter`.
///
/// *Guarantee:* the folder appears whole or not at all, and `loadModel` gives from it the same model, bit for bit.
///
/// - Parameter finish: Called when all files are written and before the folder appears; may add more.
/// - Throws: `NotReplaceable`, `FileFailure`, `Cancelled`, `BadCheckpoint` where the source changed meanwhile.
public func saveModel(
  _ model: Model, to target: String, settings: SaveSettings = SaveSettings(),
  progress: ProgressHandler? = nil, finish: (AtomicFolder) throws -> Void = { _ in }
) throws {
  try AtomicFolder.write(target) { folder in
    try model.write(to: folder, settings, progress)
    try finish(folder)
  }
}

/// Writes the model's adapter alone, as PEFT does.
///
/// - Parameters:
///   - base: What `base_model_name_or_path` says; the folder the model was loaded from by default.
///   - finish: as for `saveModel`.
/// - Throws: as `saveModel`, and `BadConfig` where the model has no adapter.
public func saveAdapter(
  _ model: Model, to target: String, base: String? = nil,
  finish: (AtomicFolder) throws -> Void = { _ in }
) throws {
  let adapter = try model.adapter(for: target, base: base)
  try AtomicFolder.write(target) { folder in
    try adapter.write(to: folder, backend: model.backend)
    try finish(folder)
  }
}

/// The files that `saveModel` would write, without writing them.
///
/// - Throws: `Cancelled`, `BadCheckpoint` where the source changed meanwhile.
public func savedFiles(
  _ model: Model, at target: String, settings: SaveSettings = SaveSettings(),
  progress: ProgressHandler? = nil
) throws -> [WrittenFile] {
  try AtomicFolder.files(at: target) { try model.write(to: $0, settings, progress) }
}

/// The files that `saveAdapter` would write, without writing them.
///
/// - Throws: as `savedFiles`, and `BadConfig` where the model has no adapter.
public func savedAdapterFiles(_ model: Model, at target: String) throws -> [WrittenFile] {
  let adapter = try model.adapter(for: target, base: nil)
  return try AtomicFolder.files(at: target) {
    try adapter.write(to: $0, backend: model.backend)
  }
}

extension Model {
  fileprivate func write(
    to folder: AtomicFolder, _ settings: SaveSettings, _ progress: ProgressHandler?
  ) throws {
    let layout = layout
    try Safetensors.write(
      tensorSources, to: folder, shardLimit: settings.shardLimit, progress: progress)
    try verifySource()
    let config = savedConfig(layout)
    try folder.write(JSON.object(config).text(indented: true) + "\n", to: ModelFiles.config)
    for name in ModelFolder.companions where FileBytes.isFile("\(source)/\(name)") {
      try folder.copy("\(source)/\(name)", to: name)
    }
    if let adapter = peft(base: folder.target) {
      try adapter.write(to: folder, subfolder: ModelFolder.adapter, backend: backend)
    }
    let lineage: JSON = ["lineage": .array(lineage.map { .string($0) })]
    try folder.write(lineage.text(indented: true) + "\n", to: ModelFiles.lineage)
  }

  fileprivate func adapter(for target: String, base: String?) throws -> PEFT {
    guard let adapter = peft(base: base ?? source) else {
      throw BadConfig(
        path: target, field: "adapter", expected: "a model with an adapter", found: "none")
    }
    return adapter
  }

  /// Checks that the files that its weights come from are as they were, without holding on to the model.
  public var sourceCheck: @Sendable () throws -> Void {
    let checkpoint = checkpoint
    return { try checkpoint?.verifyUnchanged() }
  }
}

extension Model {
  /// The modules that may be quantized, the head included, with their weights.
  private var modules: [(name: String, weight: Weight)] {
    allLinears.map { ($0.name, $0.weight) } + (isHeadTied ? [] : [("lm_head", head)])
  }

  /// How the quantized linears are stored; nil without any.
  var layout: QuantizedLayout? {
    var packed: [(name: String, matrix: PackedMatrix)] = []
    var skipped: [String] = []
    var isHeadPacked = false
    for (name, weight) in modules {
      switch weight {
      case .packed(let matrix):
        packed.append((name, matrix))
        if name == "lm_head" { isHeadPacked = true }
      case .dense: if name != "lm_head" { skipped.append(name) }
      }
    }
    if packed.isEmpty { return nil }
    return QuantizedLayout(packed: packed, skipped: skipped, head: isHeadPacked)
  }

  /// Every tensor of the base model under its name in a checkpoint.
  var tensorSources: [TensorSource] {
    var sources: [TensorSource] = []
    func add(_ name: String, _ tensor: Tensor) {
      sources.append(TensorSource(name: name, tensor, backend: backend))
    }
    func add(_ name: String, _ weight: Weight) {
      switch weight {
      case .dense(let tensor): add("\(name).weight", tensor)
      case .packed(let matrix):
        sources += QuantizedLayout.sources(name, matrix, backend: backend)
      }
    }
    add("model.embed_tokens.weight", embedding)
    for block in blocks {
      let prefix = "model.layers.\(block.index)"
      add("\(prefix).input_layernorm.weight", block.inputNorm)
      for linear in block.linears {
        add(linear.name, linear.weight)
        if let bias = linear.bias { add("\(linear.name).bias", bias) }
      }
      add("\(prefix).post_attention_layernorm.weight", block.postNorm)
    }
    add("model.norm.weight", norm)
    if !isHeadTied { add("lm_head", head) }
    return sources
  }

  /// config.json as it was read, with what the model now is.
  func savedConfig(_ layout: QuantizedLayout?) -> JSONObject {
    var config = config.raw
    let name =
      switch embedding.dtype {
      case .bf16: "bfloat16"
      case .f16: "float16"
      default: "float32"
      }
    config[config["dtype"] != nil && config["torch_dtype"] == nil ? "dtype" : "torch_dtype"] =
      .string(name)
    config["tie_word_embeddings"] = .bool(isHeadTied)
    config["quantization_config"] = layout?.json
    return config
  }
}

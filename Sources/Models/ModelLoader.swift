import Checkpoints
import JSON
import Runtime
import Tensor
import Tokenizers

/// Loads a model folder in the Hugging Face layout: float, or quantized as Olive or olv wrote it, with the PEFT adapter
/// that lies there. A folder that holds an adapter alone loads onto the base that it names.
///
/// Weights keep their stored type and stay in the mapped file; with `dtype` they are converted into memory.
///
/// - Parameters:
///   - name: What the lineage begins with; the folder's name by default.
///   - adapter: The folder of the adapter to use, instead of one in the model's folder.
///   - resolve: Turns the name of an adapter's base that is no folder into one.
/// - Throws: `BadConfig`, `UnsupportedModel`, `BadCheckpoint`, `WrongTensor`, `MissingFiles`, `FileFailure`, and what the
///   tokenizer's files give rise to.
public func loadModel(
  folder: String, backend: any Backend, compute: Compute = .auto, dtype: DType? = nil,
  name: String? = nil, adapter: String? = nil, resolve: ((String) throws -> String)? = nil
) throws -> Model {
  if !FileBytes.isFile("\(folder)/\(ModelFiles.config)"), PEFT.isPresent(in: folder) {
    let own = try PEFT.read(folder)
    let base = try baseFolder(of: own, in: folder, resolve: resolve)
    var model = try loadModel(
      folder: base, backend: backend, compute: compute, dtype: dtype, name: name, adapter: adapter)
    if adapter != nil { return model }
    try model.attach(own, path: folder)
    if lastComponent(folder) != ModelFolder.adapter {
      model.lineage.append("adapter \(lastComponent(folder))")
    }
    return model
  }
  let (family, config) = try ModelFiles.readConfig(folder)
  let loader = try ModelLoader(
    folder: folder, family: family, config: config, backend: backend, dtype: dtype)
  var model = try loader.model(compute: compute, name: name ?? lastComponent(folder))
  if let adapter {
    try model.attach(try PEFT.read(adapter), path: adapter)
    model.lineage.append("adapter \(lastComponent(adapter))")
  } else {
    for place in [folder, "\(folder)/\(ModelFolder.adapter)"] where PEFT.isPresent(in: place) {
      try model.attach(try PEFT.read(place), path: place)
      break
    }
  }
  try loader.checkpoint.verifyUnchanged()
  return model
}

/// The folder of the base model that an adapter names, looked for as it stands, beside and around the adapter.
private func baseFolder(
  of adapter: PEFT, in folder: String, resolve: ((String) throws -> String)?
) throws -> String {
  let named = adapter.base.map { [$0, "\(folder)/\($0)"] } ?? []
  // The adapter of a whole model belongs to the folder around it, wherever that was moved.
  let isPart = lastComponent(folder) == ModelFolder.adapter
  let candidates = isPart ? ["\(folder)/.."] + named : named + ["\(folder)/.."]
  for candidate in candidates where FileBytes.isFile("\(candidate)/\(ModelFiles.config)") {
    return candidate
  }
  guard let base = adapter.base else {
    throw BadConfig(
      path: "\(folder)/\(PEFT.configName)", field: "base_model_name_or_path",
      expected: "the base model's folder or name", found: "nothing")
  }
  if let resolve { return try resolve(base) }
  throw BadConfig(
    path: "\(folder)/\(PEFT.configName)", field: "base_model_name_or_path",
    expected: "an existing model folder", found: base)
}

func lastComponent(_ path: String) -> String {
  path.split(separator: "/").last { $0 != "." }.map(String.init) ?? path
}

/// Takes a checkpoint's tensors to where the configuration wants them.
struct ModelLoader {
  let folder: String
  let family: any ModelFamily
  let config: ModelConfig
  let backend: any Backend
  /// The type to convert float weights to; nil keeps the stored one.
  let dtype: DType?
  let checkpoint: Checkpoint
  let layout: QuantizedLayout?

  init(
    folder: String, family: any ModelFamily, config: ModelConfig, backend: any Backend,
    dtype: DType?
  ) throws {
    self.folder = folder
    self.family = family
    self.config = config
    self.backend = backend
    self.dtype = dtype
    let path = "\(folder)/\(ModelFiles.config)"
    layout = try config.raw["quantization_config"].flatMap {
      $0.isNull ? nil : try QuantizedLayout($0, path: path)
    }
    checkpoint = try Checkpoint.open(folder)
    try backend.requireRoom(
      for: checkpoint.names.reduce(0) { $0 + (checkpoint.info($1)?.range.count ?? 0) })
  }

  func model(compute: Compute, name: String) throws -> Model {
    let embedding = try dense(
      "model.embed_tokens.weight", [config.vocabulary, config.hidden], converted: true)
    var head = Weight.dense(embedding)
    if !config.tied {
      head = try weight("lm_head", outputs: config.vocabulary, inputs: config.hidden)
    }
    let projections = family.projections(config)
    var steps = Steps("load \(name)", of: config.layers, unit: "layers")
    let blocks = try (0..<config.layers).map { index in
      try steps.advance(by: index == 0 ? 0 : 1)
      let prefix = "model.layers.\(index)"
      return Block(
        index: index,
        inputNorm: try norm("\(prefix).input_layernorm.weight"),
        postNorm: try norm("\(prefix).post_attention_layernorm.weight"),
        linears: try projections.map { try linear("\(prefix).\($0.path)", $0) },
        stages: projections.map(\.stage))
    }
    let tokenizer = try Tokenizer(folder: folder)
    guard tokenizer.vocabularySize <= config.vocabulary else {
      throw WrongTensor(
        name: "model.embed_tokens.weight",
        expected: "a row for each of the tokenizer's \(tokenizer.vocabularySize) ids",
        found: "\(config.vocabulary) rows", path: folder)
    }
    return Model(
      architecture: family, config: config, embedding: embedding, blocks: blocks,
      norm: try norm("model.norm.weight"), head: head, tokenizer: tokenizer,
      lineage: try ModelFiles.lineage(folder) ?? [name], backend: backend,
      precision: compute.precision(of: dtype ?? config.dtype ?? embedding.dtype, on: backend),
      source: folder, endTokens: try ModelFiles.endTokens(folder, config), checkpoint: checkpoint)
  }

  private func linear(_ name: String, _ projection: Projection) throws -> Linear {
    let weight = try weight(name, outputs: projection.outputs, inputs: projection.inputs)
    var bias: Tensor?
    if projection.bias || checkpoint.info("\(name).bias") != nil {
      bias = try dense("\(name).bias", [projection.outputs], converted: true)
    }
    return Linear(name: name, weight: weight, bias: bias)
  }

  private func weight(_ name: String, outputs: Int, inputs: Int) throws -> Weight {
    if let layout,
      let matrix = try layout.matrix(name, in: checkpoint, rows: outputs, columns: inputs)
    {
      return .packed(
        PackedMatrix(
          rows: outputs, columns: inputs, grid: matrix.grid,
          codes: try backend.place(matrix.codes), scales: try backend.place(matrix.scales),
          zeros: try matrix.zeros.map(backend.place),
          groupIndex: try matrix.groupIndex.map(backend.place)))
    }
    if layout == nil, checkpoint.info("\(name).weight") == nil,
      checkpoint.info("\(name).qweight") != nil
    {
      throw BadConfig(
        path: "\(folder)/\(ModelFiles.config)", field: "quantization_config",
        expected: "how \(name).qweight is to be read", found: "nothing")
    }
    return .dense(try dense("\(name).weight", [outputs, inputs], converted: true))
  }

  /// The weight of a norm: small, and read at once, so that a broken file shows early.
  private func norm(_ name: String) throws -> Tensor {
    let tensor = try dense(name, [config.hidden], converted: false)
    for value in try backend.read(tensor) where !value.isFinite {
      throw WrongTensor(
        name: name, expected: "finite values", found: "\(value)", path: checkpoint.path(of: name))
    }
    return tensor
  }

  /// A float tensor of this shape on the device, in the wanted type where it is `converted`.
  private func dense(_ name: String, _ shape: [Int], converted: Bool) throws -> Tensor {
    guard let info = checkpoint.info(name) else {
      throw WrongTensor(
        name: name, expected: "shape \(shape)", found: "no such tensor", path: folder)
    }
    let path = checkpoint.path(of: name)
    guard info.dtype?.isFloat == true else {
      throw WrongTensor(
        name: name, expected: "elements of type F32, F16 or BF16", found: info.type, path: path)
    }
    guard info.shape == shape else {
      throw WrongTensor(
        name: name, expected: "shape \(shape)", found: "\(info.shape)", path: path)
    }
    let stored = try backend.place(try checkpoint.tensor(name))
    guard converted, let dtype, dtype != stored.dtype else { return stored }
    let result = try backend.convert(stored, to: dtype)
    Residency.release(stored)
    return result
  }
}

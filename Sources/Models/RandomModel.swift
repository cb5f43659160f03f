import Checkpoints
import JSON
import Runtime
import Tensor
import Tokenizers

/// A model of the shape that `folder`'s config.json describes, with random weights instead of trained ones: for plans and
/// benchmarks, where only the shape matters.
///
/// Weights are drawn with the configuration's `initializer_range`, norms are 1, biases 0. They depend on the seed and
/// the tensor's name alone.
///
/// - Parameter folder: Holds config.json and the tokenizer's files; weights are not looked at.
public func randomModel(
  folder: String, backend: any Backend, compute: Compute = .auto, dtype: DType? = nil,
  seed: UInt64 = 42, name: String? = nil
) throws -> Model {
  let (family, config) = try ModelFiles.readConfig(folder)
  let tokenizer = try Tokenizer(folder: folder)
  let dtype = dtype ?? config.dtype ?? .f32
  let random = RandomWeights(config: config, family: family, dtype: dtype, seed: seed)
  let total = random.tensors.reduce(0) { $0 + $1.shape.reduce(dtype.size, *) }
  try backend.requireRoom(for: total)
  var steps = Steps("draw \(lastComponent(folder))", of: total, unit: "bytes")
  func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
    let tensor = try backend.make(shape, dtype)
    defer { steps.tell(shape.reduce(dtype.size, *)) }
    try Interrupt.check()
    if let value = RandomWeights.constant(name) {
      try backend.fill(tensor, with: value)
    } else {
      try backend.fill(
        tensor, from: random.stream(name), deviation: Float(config.initializerRange))
    }
    return tensor
  }
  let embedding = try tensor("model.embed_tokens.weight", [config.vocabulary, config.hidden])
  let projections = family.projections(config)
  let blocks = try (0..<config.layers).map { index in
    let prefix = "model.layers.\(index)"
    return Block(
      index: index, inputNorm: try tensor("\(prefix).input_layernorm.weight", [config.hidden]),
      postNorm: try tensor("\(prefix).post_attention_layernorm.weight", [config.hidden]),
      linears: try projections.map {
        let name = "\(prefix).\($0.path)"
        return Linear(
          name: name, weight: .dense(try tensor("\(name).weight", [$0.outputs, $0.inputs])),
          bias: $0.bias ? try tensor("\(name).bias", [$0.outputs]) : nil)
      },
      stages: projections.map(\.stage))
  }
  let head =
    config.tied
    ? embedding : try tensor("lm_head.weight", [config.vocabulary, config.hidden])
  return Model(
    architecture: family, config: config, embedding: embedding, blocks: blocks,
    norm: try tensor("model.norm.weight", [config.hidden]), head: .dense(head),
    tokenizer: tokenizer,
    lineage: ["\(name ?? lastComponent(folder)) (random weights)"], backend: backend,
    precision: compute.precision(of: dtype, on: backend), source: folder)
}

/// Writes a checkpoint with the weights of `randomModel` straight to disk, without ever holding them: a model of any
/// size, in the memory of one buffer.
///
/// - Parameter folder: Holds config.json and the tokenizer's files.
/// - Throws: as `saveModel`.
public func writeRandomModel(
  like folder: String, to target: String, dtype: DType? = nil, seed: UInt64 = 42,
  settings: SaveSettings = SaveSettings(), progress: ProgressHandler? = nil
) throws {
  let (family, config) = try ModelFiles.readConfig(folder)
  let dtype = dtype ?? config.dtype ?? .f32
  let random = RandomWeights(config: config, family: family, dtype: dtype, seed: seed)
  try AtomicFolder.write(target) { output in
    let sources = random.tensors.map { name, shape in
      TensorSource(name: name, dtype: dtype, shape: shape) { sink in
        let count = shape.reduce(1, *)
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 20) * dtype.size)
        var place = 0
        while place < count {
          try Interrupt.check()
          let size = min(1 << 20, count - place)
          try buffer.withUnsafeMutableBytes {
            let piece = UnsafeMutableRawBufferPointer(rebasing: $0[..<(size * dtype.size)])
            random.fill(piece, name: name, from: place)
            try sink.write(UnsafeRawBufferPointer(piece))
          }
          place += size
        }
      }
    }
    try Safetensors.write(
      sources, to: output, shardLimit: settings.shardLimit, progress: progress)
    var raw = config.raw
    raw["torch_dtype"] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"][dtype]
    raw["quantization_config"] = nil
    try output.write(JSON.object(raw).text(indented: true) + "\n", to: ModelFiles.config)
    for name in ModelFolder.companions where FileBytes.isFile("\(folder)/\(name)") {
      try output.copy("\(folder)/\(name)", to: name)
    }
  }
}

/// The tensors of an untrained model.
struct RandomWeights {
  let config: ModelConfig
  let family: any ModelFamily
  let dtype: DType
  let seed: UInt64

  /// Names and shapes in the order of a checkpoint.
  var tensors: [(name: String, shape: [Int])] {
    var tensors = [("model.embed_tokens.weight", [config.vocabulary, config.hidden])]
    for index in 0..<config.layers {
      let prefix = "model.layers.\(index)"
      tensors.append(("\(prefix).input_layernorm.weight", [config.hidden]))
      for projection in family.projections(config) {
        let name = "\(prefix).\(projection.path)"
        tensors.append(("\(name).weight", [projection.outputs, projection.inputs]))
        if projection.bias { tensors.append(("\(name).bias", [projection.outputs])) }
      }
      tensors.append(("\(prefix).post_attention_layernorm.weight", [config.hidden]))
    }
    tensors.append(("model.norm.weight", [config.hidden]))
    if !config.tied { tensors.append(("lm_head.weight", [config.vocabulary, config.hidden])) }
    return tensors
  }

  /// What all elements of a norm's weight or a bias are; nil for other tensors.
  static func constant(_ name: String) -> Float? {
    name.hasSuffix("norm.weight") ? 1 : name.hasSuffix(".bias") ? 0 : nil
  }

  func stream(_ name: String) -> RandomStream {
    RandomStream(seed: seed, purpose: "weights \(name)")
  }

  /// Fills `bytes` with elements `from...` of the named tensor.
  func fill(_ bytes: UnsafeMutableRawBufferPointer, name: String, from first: Int) {
    guard let value = Self.constant(name) else {
      return RandomNumbers(stream(name), deviation: Float(config.initializerRange))
        .fill(bytes, dtype, from: first)
    }
    switch dtype {
    case .f32: bytes.bindMemory(to: Float.self).update(repeating: value)
    case .f16: bytes.bindMemory(to: Float16.self).update(repeating: Float16(value))
    // 0 and 1 lose nothing.
    default:
      bytes.bindMemory(to: UInt16.self).update(
        repeating: UInt16(truncatingIfNeeded: value.bitPattern >> 16))
    }
  }
}

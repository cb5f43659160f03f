import JSON
import Models
import Tensor
import TestSupport
import Tokenizers

@testable import FineTuning

/// A small model with random weights: quick enough for finite differences, in all parts like a real one.
enum TinyModel {
  static let vocabulary = 61

  /// Phi-3 has fused projections and longrope, Llama separate ones and grouped queries.
  enum Family: String, CaseIterable {
    case phi3, llama
  }

  static func config(_ family: Family) throws -> (any ModelFamily, ModelConfig) {
    let rope =
      family == .phi3
      ? #"""
      "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3],
        "long_factor": [1.0, 2.0, 3.0, 4.0]}, "original_max_position_embeddings": 12,
      """#
      : ""
    let text = """
      {"architectures": ["\(family == .phi3 ? "Phi3ForCausalLM" : "LlamaForCausalLM")"],
       "model_type": "\(family.rawValue)", "hidden_size": 32, "intermediate_size": 48,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       \(rope) "vocab_size": \(vocabulary), "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
       "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false,
       "eos_token_id": 0, "bos_token_id": 1}
      """
    let object = try JSON.parse(text).objectValue ?? JSONObject()
    let architecture = try ModelFamilies.family(of: object, path: "config.json")
    return (architecture, try architecture.config(ConfigReader(object, path: "config.json")))
  }

  static func noise(_ shape: [Int], deviation: Float, _ purpose: String, seed: UInt64) -> Tensor {
    let stream = RandomStream(seed: seed, purpose: purpose)
    let count = shape.reduce(1, *)
    // A sum of four uniform numbers has the variance 1/3.
    return Tensor(
      (0..<count).map { place in
        let sum = (0..<4).reduce(Float(-2)) { $0 + stream.uniform(4 * place + $1) }
        return sum * Float(3).squareRoot() * deviation
      }, shape: shape)
  }

  static func make(
    _ family: Family = .phi3, seed: UInt64 = 1, backend: any Backend, dtype: DType = .f32
  ) throws -> Model {
    let (architecture, config) = try config(family)
    func weights(_ shape: [Int], _ deviation: Float, _ purpose: String) throws -> Tensor {
      let tensor = noise(shape, deviation: deviation, purpose, seed: seed)
      return dtype == .f32 ? tensor : try backend.convert(tensor, to: dtype)
    }
    func scales(_ purpose: String) throws -> Tensor {
      let tensor = noise([config.hidden], deviation: 0.1, purpose, seed: seed)
      return Tensor(try backend.read(tensor).map { 1 + $0 }, shape: [config.hidden])
    }
    let blocks = try (0..<config.layers).map { index in
      let projections = architecture.projections(config)
      return Block(
        index: index, inputNorm: try scales("input norm \(index)"),
        postNorm: try scales("post norm \(index)"),
        linears: try projections.map { projection in
          let name = "model.layers.\(index).\(projection.path)"
          return Linear(
            name: name,
            weight: .dense(
              try weights(
                [projection.outputs, projection.inputs],
                0.8 / Float(projection.inputs).squareRoot(), name)))
        }, stages: projections.map(\.stage))
    }
    return Model(
      architecture: architecture, config: config,
      embedding: try weights([config.vocabulary, config.hidden], 1, "embedding"),
      blocks: blocks, norm: try scales("norm"),
      head: .dense(try weights([config.vocabulary, config.hidden], 0.3, "head")),
      tokenizer: try Tokenizer(folder: "\(Shared.fixtures)/tokenizer"),
      lineage: ["tiny"], backend: backend, precision: .f32, source: "")
  }

  /// A model whose adapters already change something.
  static func adapted(
    _ family: Family = .phi3, rank: Int = 3, dropout: Float = 0, backend: any Backend,
    dtype: DType = .f32
  ) throws -> Model {
    let model = try LoRA(rank: rank, alpha: 6, dropout: dropout, seed: 5)
      .attach(to: make(family, backend: backend, dtype: dtype))
    return model.mapLinears { linear in
      var linear = linear
      if let adapter = linear.adapter {
        linear.adapter?.b = noise(
          adapter.b.shape, deviation: 0.2, "B \(linear.name)", seed: 9)
      }
      return linear
    }
  }

  /// Sequences of different lengths, some longer than the rope's first range.
  static func examples(_ count: Int = 4, seed: UInt64 = 3) -> [TrainingExample] {
    (0..<count).map { index in
      let length = [9, 17, 5, 13][index % 4]
      let random = TrainingData.random(
        blocks: 1, length: length, vocabulary: vocabulary, seed: seed + UInt64(index))
      return random.examples[0]
    }
  }

  static func data(_ count: Int = 8) -> TrainingData {
    TrainingData(examples: examples(count), packing: "rows")
  }
}

extension Model {
  /// All adapter values, for comparison bit by bit.
  func adapterValues() throws -> [[Float]] {
    try allLinears.compactMap(\.adapter).flatMap { try $0.tensors.map { try backend.read($0) } }
  }
}

import JSON
import Tensor

/// The shape of a decoder model, as its config.json gives it.
public struct ModelConfig: Sendable {
  /// Width of the residual stream.
  public var hidden: Int
  /// Blocks.
  public var layers: Int
  /// Query heads.
  public var heads: Int
  /// Key and value heads; divides `heads`.
  public var kvHeads: Int
  public var headWidth: Int
  /// Width of the gated MLP.
  public var intermediate: Int
  /// Rows of the embedding.
  public var vocabulary: Int
  /// The ε of the RMS norms.
  public var epsilon: Float
  /// Tokens a query may look back at, itself included; nil for all.
  public var window: Int?
  public var rope: Rope
  /// Whether the head is the embedding.
  public var tied: Bool
  public var maxPositions: Int
  /// The type that config.json says the weights have, where it says so.
  public var dtype: DType?
  /// Standard deviation of freshly initialised weights.
  public var initializerRange: Double
  public var attentionBias: Bool
  public var mlpBias: Bool
  /// The ids that end a text.
  public var endTokens: [Int32]
  /// config.json as read, for saving.
  public var raw: JSONObject

  public var attentionShape: AttentionShape {
    AttentionShape(heads: heads, keyValueHeads: kvHeads, width: headWidth, window: window)
  }
}

extension ModelConfig {
  /// Reads what all families share.
  ///
  /// - Throws: `BadConfig` with the field, `UnsupportedModel` for an activation or rope type that is not known.
  public init(
    common reader: ConfigReader, window: Int?, attentionBias: Bool, mlpBias: Bool
  ) throws {
    // Limits well above any model that exists and low enough that no product of them overflows.
    hidden = try reader.integer("hidden_size", in: 1...(1 << 18))
    layers = try reader.integer("num_hidden_layers", in: 1...4096)
    heads = try reader.integer("num_attention_heads", in: 1...4096)
    kvHeads = try reader.integer("num_key_value_heads", in: 1...4096, default: heads)
    intermediate = try reader.integer("intermediate_size", in: 1...(1 << 20))
    vocabulary = try reader.integer("vocab_size", in: 1...(1 << 24))
    maxPositions = try reader.integer("max_position_embeddings", in: 1...(1 << 28), default: 2048)
    guard heads % kvHeads == 0 else {
      throw reader.bad("num_key_value_heads", expected: "a divisor of the \(heads) attention heads")
    }
    if reader["head_dim"] == nil, hidden % heads != 0 {
      throw reader.bad("hidden_size", expected: "a multiple of the \(heads) attention heads")
    }
    headWidth = try reader.integer("head_dim", in: 1...4096, default: hidden / heads)
    guard headWidth % 2 == 0 else {
      throw reader.bad("head_dim", expected: "an even width of a head", found: "\(headWidth)")
    }
    epsilon = Float(try reader.number("rms_norm_eps", in: 0...1, default: 1e-6))
    tied = try reader.flag("tie_word_embeddings", default: false)
    initializerRange = try reader.number("initializer_range", in: 0...10, default: 0.02)
    if let activation = try reader.string("hidden_act"), activation != "silu", activation != "swish"
    {
      throw UnsupportedModel(
        what: "activation", found: activation, supported: ["silu"], path: reader.path)
    }
    dtype = try ModelConfig.dtype(reader)
    endTokens = try ModelConfig.endTokens(reader) ?? []
    rope = try Rope(reader, headWidth: headWidth, maxPositions: maxPositions)
    self.window = window
    self.attentionBias = attentionBias
    self.mlpBias = mlpBias
    raw = reader.object
  }

  /// `torch_dtype`, or `dtype` as newer files call it.
  private static func dtype(_ reader: ConfigReader) throws -> DType? {
    let name = try reader.string("torch_dtype") ?? reader.string("dtype")
    switch name {
    case "float32", "torch.float32": return .f32
    case "float16", "torch.float16": return .f16
    case "bfloat16", "torch.bfloat16": return .bf16
    default: return nil
    }
  }

  /// `eos_token_id`: a number or a list.
  static func endTokens(_ reader: ConfigReader) throws -> [Int32]? {
    guard let value = reader["eos_token_id"] else { return nil }
    let list = value.arrayValue ?? [value]
    return try list.map {
      guard let id = $0.intValue.flatMap(Int32.init(exactly:)) else {
        throw reader.bad("eos_token_id", expected: "a token id or a list of them")
      }
      return id
    }
  }
}

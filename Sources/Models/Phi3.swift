import Tensor

/// Phi-3 and Phi-3.5 (mini, medium): queries, keys and values in one linear, gate and up in one, longrope, an optional
/// sliding window.
public struct Phi3: ModelFamily {
  public var name: String { "phi3" }
  public var architectures: [String] { ["Phi3ForCausalLM"] }

  public init() {}

  public func config(_ reader: ConfigReader) throws -> ModelConfig {
    let window = try reader["sliding_window"].map { _ in
      try reader.integer("sliding_window", in: 1...(1 << 28))
    }
    return try ModelConfig(common: reader, window: window, attentionBias: false, mlpBias: false)
  }

  public func projections(_ config: ModelConfig) -> [Projection] {
    let queries = config.heads * config.headWidth
    let keys = config.kvHeads * config.headWidth
    return [
      Projection(
        "self_attn.qkv_proj", .attentionInput, outputs: queries + 2 * keys, inputs: config.hidden),
      Projection("self_attn.o_proj", .attentionOutput, outputs: config.hidden, inputs: queries),
      Projection(
        "mlp.gate_up_proj", .mlpInput, outputs: 2 * config.intermediate, inputs: config.hidden),
      Projection(
        "mlp.down_proj", .mlpOutput, outputs: config.hidden, inputs: config.intermediate),
    ]
  }

  public func attentionInput(_ outputs: [Tensor]) -> Projections { .fused(outputs[0]) }
  public func mlpInput(_ outputs: [Tensor]) -> GateUp { .fused(outputs[0]) }
}

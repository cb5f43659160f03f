import Tensor

/// Llama 2, 3, 3.1 and 3.2: separate projections, grouped queries, llama3 or linear rope scaling, a tied or untied head.
public struct Llama: ModelFamily {
  public var name: String { "llama" }
  public var architectures: [String] { ["LlamaForCausalLM"] }

  public init() {}

  public func config(_ reader: ConfigReader) throws -> ModelConfig {
    try ModelConfig(
      common: reader, window: nil,
      attentionBias: try reader.flag("attention_bias", default: false),
      mlpBias: try reader.flag("mlp_bias", default: false))
  }

  public func projections(_ config: ModelConfig) -> [Projection] {
    let queries = config.heads * config.headWidth
    let keys = config.kvHeads * config.headWidth
    func attention(_ name: String, _ stage: Stage, outputs: Int, inputs: Int) -> Projection {
      Projection(
        "self_attn.\(name)", stage, outputs: outputs, inputs: inputs, bias: config.attentionBias)
    }
    func mlp(_ name: String, _ stage: Stage, outputs: Int, inputs: Int) -> Projection {
      Projection("mlp.\(name)", stage, outputs: outputs, inputs: inputs, bias: config.mlpBias)
    }
    return [
      attention("q_proj", .attentionInput, outputs: queries, inputs: config.hidden),
      attention("k_proj", .attentionInput, outputs: keys, inputs: config.hidden),
      attention("v_proj", .attentionInput, outputs: keys, inputs: config.hidden),
      attention("o_proj", .attentionOutput, outputs: config.hidden, inputs: queries),
      mlp("gate_proj", .mlpInput, outputs: config.intermediate, inputs: config.hidden),
      mlp("up_proj", .mlpInput, outputs: config.intermediate, inputs: config.hidden),
      mlp("down_proj", .mlpOutput, outputs: config.hidden, inputs: config.intermediate),
    ]
  }

  public func attentionInput(_ outputs: [Tensor]) -> Projections {
    .separate(q: outputs[0], k: outputs[1], v: outputs[2])
  }

  public func mlpInput(_ outputs: [Tensor]) -> GateUp {
    .separate(gate: outputs[0], up: outputs[1])
  }
}

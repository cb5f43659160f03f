import Checkpoints
import JSON
import Models
import Runtime
import Tensor
import TestSupport
import Testing

/// A config.json that is right, to be made wrong in one place.
let goodConfig: JSONObject = {
  guard
    case .object(let object) =
      [
        "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96,
        "vocab_size": 512, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "torch_dtype": "float32", "hidden_act": "silu",
      ] as JSON
  else { return JSONObject() }
  return object
}()

func config(_ changes: JSON) throws -> ModelConfig {
  var object = goodConfig
  for (key, value) in changes.objectValue ?? JSONObject() { object[key] = value }
  return try ModelFamilies.family(of: object, path: "config.json").config(
    ConfigReader(object, path: "config.json"))
}

/// What `body` throws, as its text; nil where it throws nothing.
func failure(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let failure as any Failure { return failure.description } catch { return "?? \(error)" }
}

struct ConfigTests {
  @Test func computeFollowsTheWeights() {
    #expect(Compute.auto.precision(of: .f32, on: backend) == .f32)
    #expect(Compute.auto.precision(of: .f16, on: backend) == .f32)
    #expect(
      Compute.auto.precision(of: .bf16, on: backend) == (backend.supports(.bf16) ? .bf16 : .f32))
    #expect(Compute.bf16.precision(of: .f32, on: backend) == .bf16)
    #expect(Compute.f32.precision(of: .bf16, on: backend) == .f32)
  }

  @Test func defaults() throws {
    let config = try config([:])
    #expect(config.headWidth == 16 && config.kvHeads == 2 && !config.tied)
    #expect(config.dtype == .f32 && config.window == nil)
    #expect(config.rope == Rope(theta: 10000, rotary: 16, scaling: .none))
    #expect(try ConfigTests.with("num_key_value_heads", nil).kvHeads == 4)
    #expect(try ConfigTests.with("head_dim", 32).headWidth == 32)
    #expect(try ConfigTests.with("eos_token_id", [3, 4]).endTokens == [3, 4])
  }

  private static func with(_ key: String, _ value: JSON?) throws -> ModelConfig {
    var object = goodConfig
    object[key] = value
    return try Llama().config(ConfigReader(object, path: ""))
  }

  @Test(
    arguments: [
      (
        ["architectures": ["GPT2LMHeadModel"]],
        "architecture GPT2LMHeadModel is not supported (supported: Phi3ForCausalLM, LlamaForCausalLM)"
      ),
      (
        ["architectures": nil, "model_type": "gemma"],
        "model type gemma is not supported (supported: phi3, llama)"
      ),
      (["architectures": nil], "architectures: expected one of Phi3ForCausalLM, LlamaForCausalLM"),
      (
        ["hidden_size": nil], "hidden_size: expected a whole number from 1 to 262144, found nothing"
      ),
      (["hidden_size": 0], "hidden_size: expected a whole number"),
      (["hidden_size": -64], "found -64"),
      (["hidden_size": 64.5], "found 64.5"),
      (["hidden_size": "64"], "found \"64\""),
      (["hidden_size": 9_223_372_036_854_775_807], "found 9223372036854775807"),
      (["hidden_size": 65], "expected a multiple of the 4 attention heads"),
      (["num_hidden_layers": 1_000_000], "num_hidden_layers"),
      (
        ["num_key_value_heads": 3],
        "num_key_value_heads: expected a divisor of the 4 attention heads"
      ),
      (["head_dim": 15], "head_dim: expected an even width"),
      (["vocab_size": 0], "vocab_size"),
      (["rms_norm_eps": -1], "rms_norm_eps"),
      (["hidden_act": "gelu"], "activation gelu is not supported (supported: silu)"),
      (["tie_word_embeddings": 1], "tie_word_embeddings: expected true or false"),
      (["eos_token_id": "x"], "eos_token_id"),
      (["rope_theta": 0], "rope_theta"),
      (["rope_scaling": 3], "rope_scaling: expected an object"),
      (
        ["rope_scaling": ["type": "yarn", "factor": 2]],
        "rope type yarn is not supported (supported: default, linear, llama3, longrope, su)"
      ),
      (["rope_scaling": ["type": "linear"]], "rope_scaling.factor: expected a number"),
      (["rope_scaling": ["type": "linear", "factor": 0]], "rope_scaling.factor"),
      (
        [
          "rope_scaling": [
            "rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1,
            "original_max_position_embeddings": 10,
          ]
        ], "high_freq_factor: expected more than"
      ),
      (
        ["rope_scaling": ["type": "longrope", "short_factor": [1, 1], "long_factor": [1, 1]]],
        "short_factor: expected a list of 8 positive numbers, found 2 elements"
      ),
      (
        [
          "rope_scaling": [
            "type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 0], "long_factor": [],
          ]
        ], "short_factor: expected a list of 8 positive numbers, found 0"
      ),
      (["partial_rotary_factor": 0.05], "partial_rotary_factor: expected an even number"),
      (["architectures": ["Phi3ForCausalLM"], "sliding_window": 0], "sliding_window"),
    ] as [(JSON, String)]) func malformed(_ changes: JSON, _ reason: String) throws
  {
    var object = goodConfig
    for (key, value) in changes.objectValue ?? JSONObject() {
      object[key] = value.isNull ? .some(.null) : value
    }
    let message = failure {
      _ = try ModelFamilies.family(of: object, path: "config.json").config(
        ConfigReader(object, path: "config.json"))
    }
    #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
    #expect(message?.hasPrefix("config.json: ") == true)
  }

  /// The variants in which one and the same longrope is written.
  @Test func longropeSpellings() throws {
    let short: JSON = .array((0..<8).map { .number(1 + Double($0) / 10) })
    let long: JSON = .array((0..<8).map { .number(2 + Double($0)) })
    let expected = Rope(
      theta: 10000, rotary: 16,
      scaling: .longrope(
        short: (0..<8).map { 1 + Double($0) / 10 }, long: (0..<8).map { 2 + Double($0) },
        attention: (1 + 3 * 0.6931471805599453 / 6.238324625039508).squareRoot(), original: 512))
    for type in ["type", "rope_type"] {
      for name in ["longrope", "su"] {
        let old = try config([
          "original_max_position_embeddings": 512,
          "rope_scaling": .object(
            JSONObject([(type, .string(name)), ("short_factor", short), ("long_factor", long)])),
        ])
        #expect(old.rope == expected)
      }
    }
    let new = try config([
      "rope_theta": nil,
      "rope_parameters": [
        "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": short, "long_factor": long,
        "original_max_position_embeddings": 512, "partial_rotary_factor": 1.0,
      ],
    ])
    #expect(new.rope == expected)
    let given = try config([
      "original_max_position_embeddings": 512,
      "rope_scaling": [
        "type": "longrope", "short_factor": short, "long_factor": long, "attention_factor": 1.5,
      ],
    ])
    #expect(given.rope.attentionFactor == 1.5)
  }
}

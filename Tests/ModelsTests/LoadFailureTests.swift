import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// What a checkpoint that does not fit its configuration is told.
struct LoadFailureTests {
  /// The message of loading a good small model after its files were changed.
  private func message(_ changes: JSON = [:], _ change: (String) throws -> Void) throws -> String? {
    var result: String?
    try withFolder { parent in
      let folder = "\(parent)/m"
      try makeSmallModel(in: folder, changes)
      #expect(failure { _ = try loadModel(folder: folder, backend: backend) } == nil)
      try change(folder)
      result = failure { _ = try loadModel(folder: folder, backend: backend) }
    }
    return result
  }

  /// The folder's tensors rewritten, with `edit` deciding on each.
  private func rewrite(_ folder: String, _ edit: (String, Tensor) throws -> (String, Tensor)?)
    throws
  {
    let checkpoint = try Checkpoint.open(folder)
    let sources = try checkpoint.names.compactMap { name in
      try edit(name, try checkpoint.tensor(name)).map {
        TensorSource(name: $0.0, $0.1, backend: backend)
      }
    }
    try AtomicFolder.write("\(folder)-new") { try Safetensors.write(sources, to: $0) }
    try Shared.move("\(folder)-new/model.safetensors", to: "\(folder)/model.safetensors")
  }

  private func setConfig(_ folder: String, _ key: String, _ value: JSON?) throws {
    var object = try #require(try json("\(folder)/config.json").objectValue)
    object[key] = value
    try Shared.write(JSON.object(object).text(), to: "\(folder)/config.json")
  }

  private let down = "model.layers.1.mlp.down_proj.weight"

  @Test func missingTensor() throws {
    let message = try message {
      try rewrite($0) { name, tensor in name == down ? nil : (name, tensor) }
    }
    #expect(
      message?.contains("tensor \(down): expected shape [64, 96], found no such tensor") == true)
  }

  @Test func wrongShape() throws {
    let message = try message { folder in
      try rewrite(folder) { name, tensor in
        (name, name == down ? tensor.reshaped([96, 64]) : tensor)
      }
    }
    #expect(
      message?.contains(
        "m/model.safetensors: tensor \(down): expected shape [64, 96], found [96, 64]") == true)
  }

  @Test func wrongType() throws {
    let message = try message { folder in
      try rewrite(folder) { name, tensor in
        (name, name == down ? try backend.make([64, 96], .i32) : tensor)
      }
    }
    #expect(
      message?.contains("tensor \(down): expected elements of type F32, F16 or BF16, found I32")
        == true)
  }

  @Test func normThatIsNotFinite() throws {
    let message = try message { folder in
      try rewrite(folder) { name, tensor in
        guard name == "model.norm.weight" else { return (name, tensor) }
        let bad = try backend.convert(tensor, to: .f32)
        try backend.fill(bad, with: .nan)
        return (name, bad)
      }
    }
    #expect(
      message?.contains("tensor model.norm.weight: expected finite values, found nan") == true)
  }

  @Test func configOfAnotherShape() throws {
    let wide = try message { try setConfig($0, "intermediate_size", 128) }
    #expect(
      wide?.contains(
        "tensor model.layers.0.mlp.gate_proj.weight: expected shape [128, 64], found [96, 64]")
        == true)
    let deep = try message { try setConfig($0, "num_hidden_layers", 3) }
    #expect(
      deep?.contains("tensor model.layers.2.input_layernorm.weight: expected shape [64]") == true)
    let biased = try message { try setConfig($0, "attention_bias", true) }
    #expect(
      biased?.contains("self_attn.q_proj.bias: expected shape [64], found no such tensor") == true)
  }

  @Test func untiedWithoutHead() throws {
    let message = try message(["tie_word_embeddings": true]) {
      try setConfig($0, "tie_word_embeddings", false)
    }
    #expect(
      message?.contains("tensor lm_head.weight: expected shape [512, 64], found no such tensor")
        == true)
  }

  @Test func tokenizerLargerThanTheEmbedding() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m", ["vocab_size": 257])
      let message = failure { _ = try loadModel(folder: "\(parent)/m", backend: backend) }
      #expect(
        message?.contains("expected a row for each of the tokenizer's 258 ids, found 257 rows")
          == true)
    }
  }

  @Test func missingFiles() throws {
    let config = try message { Shared.remove("\($0)/config.json") }
    #expect(config?.contains("missing config.json") == true)
    let weights = try message { Shared.remove("\($0)/model.safetensors") }
    #expect(weights?.contains("missing model.safetensors") == true)
    let tokenizer = try message { Shared.remove("\($0)/tokenizer.json") }
    #expect(tokenizer?.contains("tokenizer.json") == true)
    let absent = failure { _ = try loadModel(folder: "/no/such/model", backend: backend) }
    #expect(absent == "cannot open /no/such/model: No such file or directory")
  }

  @Test func malformedFiles() throws {
    let config = try message { try Shared.write("{\n \"a\" 1}", to: "\($0)/config.json") }
    #expect(config?.contains("m/config.json:2:") == true)
    let list = try message { try Shared.write("[]", to: "\($0)/config.json") }
    #expect(list?.contains("config.json: document: expected an object, found an array") == true)
    let cut = try message { try Shared.resize("\($0)/model.safetensors", to: 1000) }
    #expect(cut?.contains("truncated") == true)
    let method = try message { try setConfig($0, "quantization_config", ["quant_method": "gptq"]) }
    #expect(method?.contains("the quantization method gptq is not supported") == true)
  }

  @Test func idsOutsideTheEmbedding() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let model = try loadModel(folder: "\(parent)/m", backend: backend)
      for id in [-1, 512, .max] as [Int32] {
        #expect(throws: TokenOutOfRange.self) { try model.embed([1, id]) }
      }
      let hidden = try model.hidden([1, 2], segments: Segments(lengths: [2]))
      #expect(throws: TokenOutOfRange.self) { try model.nll(hidden, targets: [1, 512]) }
      #expect(throws: ShapeMismatch.self) { try model.nll(hidden, targets: [1]) }
      #expect(throws: ShapeMismatch.self) {
        try model.hidden([1], segments: Segments(lengths: [2]))
      }
    }
  }
}

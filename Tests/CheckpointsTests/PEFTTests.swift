import Checkpoints
import JSON
import Tensor
import TestSupport
import Testing

struct PEFTTests {
  private func layer(_ module: String, rank: Int, alpha: Double, scale: Double) -> PEFT.Layer {
    PEFT.Layer(
      module: module, a: tensor((0..<rank * 6).map { Float($0) + 0.5 }, [rank, 6]),
      b: tensor((0..<4 * rank).map { -Float($0) }, [4, rank]), alpha: alpha, scale: scale)
  }

  /// α/r, α/√r, and a scale that is neither all come back as they were.
  @Test(arguments: [(16.0, 4.0, false), (16.0, 8.0, true), (16.0, 0.3, false)])
  func roundTrip(_ alpha: Double, _ scale: Double, _ stabilized: Bool) throws {
    let adapter = PEFT(
      layers: [
        layer("model.layers.0.q", rank: 4, alpha: alpha, scale: scale),
        layer("model.layers.1.q", rank: 4, alpha: alpha, scale: scale),
      ], dropout: 0.05, base: "some/base")
    try withFolder { folder in
      try AtomicFolder.write("\(folder)/x") { try adapter.write(to: $0, backend: backend) }
      let config = try JSON.parse(
        String(decoding: try FileBytes.read("\(folder)/x/adapter_config.json"), as: UTF8.self))
      #expect(config["use_rslora"] == .bool(stabilized))
      #expect(config["r"] == 4 && config["peft_type"] == "LORA")
      let again = try PEFT.read("\(folder)/x")
      #expect(again.base == "some/base" && again.dropout == 0.05)
      #expect(again.layers.map(\.module) == ["model.layers.0.q", "model.layers.1.q"])
      for (new, old) in zip(again.layers, adapter.layers) {
        #expect(Float(new.scale) == Float(scale))
        #expect(try backend.read(new.a) == backend.read(old.a))
        #expect(try backend.read(new.b) == backend.read(old.b))
        #expect(new.a.id != new.b.id)
      }
    }
  }

  @Test func ranksAndAlphasMayDiffer() throws {
    let adapter = PEFT(
      layers: [
        layer("a.q", rank: 4, alpha: 8, scale: 2), layer("b.q", rank: 2, alpha: 8, scale: 4),
        layer("c.q", rank: 2, alpha: 1, scale: 0.5),
      ], dropout: 0, base: nil)
    try withFolder { folder in
      try AtomicFolder.write("\(folder)/x") { try adapter.write(to: $0, backend: backend) }
      let again = try PEFT.read("\(folder)/x")
      #expect(again.layers.map(\.rank) == [4, 2, 2])
      #expect(again.layers.map(\.scale) == [2, 4, 0.5])
    }
  }

  /// Names as PEFT saves them, as a running PEFT model has them, and types other than f32.
  @Test func otherSpellings() throws {
    try withFolder { folder in
      let header = #"""
        {"base_model.model.m.lora_A.default.weight":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},
        "base_model.model.m.lora_B.default.weight":{"dtype":"F16","shape":[1,1],"data_offsets":[4,6]}}
        """#
      try write(
        safetensors(header, data: 0) + [0x80, 0x3F, 0x00, 0xC0, 0x00, 0x3C],
        to: "\(folder)/adapter_model.safetensors")
      try write(Array(#"{"r":1,"lora_alpha":2}"#.utf8), to: "\(folder)/adapter_config.json")
      let adapter = try PEFT.read(folder)
      #expect(adapter.layers.map(\.module) == ["m"])
      #expect(adapter.layers.map(\.scale) == [2])
      #expect(try backend.read(adapter.layers[0].a) == [1, -2])
      #expect(try backend.read(adapter.layers[0].b) == [1])
    }
  }

  @Test(arguments: [
    (#"{"r":1,"lora_alpha":2,"peft_type":"IA3"}"#, "adapter type IA3 is not supported"),
    (#"{"r":1,"lora_alpha":2,"use_dora":true}"#, "has no lora_magnitude_vector"),
    (#"{"r":1,"lora_alpha":2,"bias":"all"}"#, "bias=all"),
    (#"{"r":1,"lora_alpha":2,"modules_to_save":["lm_head"]}"#, "modules_to_save"),
    (#"{"r":1,"lora_alpha":"x"}"#, "lora_alpha: expected a number"),
    (#"{"r":1,"lora_alpha":2,"lora_dropout":2}"#, "lora_dropout"),
    (#"{"r":3,"lora_alpha":2}"#, "has the rank 1, adapter_config.json says 3"),
    ("{", "not valid JSON"),
  ]) func badConfig(_ config: String, _ reason: String) throws {
    try withFolder { folder in
      let header = #"""
        {"m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},
        "m.lora_B.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}
        """#
      try write(safetensors(header, data: 8), to: "\(folder)/adapter_model.safetensors")
      try write(Array(config.utf8), to: "\(folder)/adapter_config.json")
      let message = failure { _ = try PEFT.read(folder) }
      #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
    }
  }

  @Test(arguments: [
    (#"{"m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}"#, 4, "only one of"),
    (#"{"m.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}"#, 4, "not a LoRA matrix"),
    ("{}", 0, "holds no LoRA matrices"),
    (
      #"""
      {"m.lora_A.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},
      "m.lora_B.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}
      """#, 12, "share no rank"
    ),
  ]) func badWeights(_ header: String, _ data: Int, _ reason: String) throws {
    try withFolder { folder in
      try write(safetensors(header, data: data), to: "\(folder)/adapter_model.safetensors")
      try write(Array(#"{"r":1,"lora_alpha":2}"#.utf8), to: "\(folder)/adapter_config.json")
      let message = failure { _ = try PEFT.read(folder) }
      #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
    }
  }

  @Test func pickleIsNamed() throws {
    try withFolder { folder in
      try write([0], to: "\(folder)/adapter_model.bin")
      try write(Array(#"{"r":1,"lora_alpha":2}"#.utf8), to: "\(folder)/adapter_config.json")
      #expect(
        failure { _ = try PEFT.read(folder) }?.contains("adapter_model.bin is a pickle") == true)
    }
  }

  @Test(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
  func readsWhatPEFTWrote() throws {
    try withFolder { folder in
      let bytes = try FileBytes.read("\(Shared.reference ?? "")/phi3_lora_final.safetensors")
      try write(bytes, to: "\(folder)/adapter_model.safetensors")
      try write(Array(#"{"r":8,"lora_alpha":16}"#.utf8), to: "\(folder)/adapter_config.json")
      let adapter = try PEFT.read(folder)
      #expect(adapter.layers.count == 8)
      #expect(adapter.layers.allSatisfy { $0.module.hasPrefix("model.layers.") })
    }
  }
}

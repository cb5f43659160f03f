import Checkpoints
import Tensor
import TestSupport
import Testing

struct CheckpointTests {
  private let one = #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
  private let two = #"{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#

  private func index(_ map: String, in folder: String) throws {
    try write(Array(#"{"weight_map":\#(map)}"#.utf8), to: "\(folder)/model.safetensors.index.json")
  }

  @Test func shards() throws {
    try withFolder { folder in
      try write(safetensors(one, data: 1), to: "\(folder)/s1.safetensors")
      try write(safetensors(two, data: 1), to: "\(folder)/s2.safetensors")
      try index(#"{"a":"s1.safetensors","b":"s2.safetensors"}"#, in: folder)
      let checkpoint = try Checkpoint.open(folder)
      #expect(checkpoint.names == ["a", "b"])
      #expect(try checkpoint.tensor("b").count == 1)
      #expect(checkpoint.path(of: "b") == "\(folder)/s2.safetensors")
      #expect(failure { _ = try checkpoint.tensor("c") }?.contains("tensor c: missing") == true)
    }
  }

  @Test(arguments: [
    (
      #"{"a":"s1.safetensors","b":"s9.safetensors","c":"s8.safetensors"}"#,
      "missing s8.safetensors, s9.safetensors"
    ),
    (#"{"a":"../s1.safetensors"}"#, "lies outside the folder"),
    (#"{"a":"/etc/passwd"}"#, "lies outside the folder"),
    (#"{"a":".."}"#, "lies outside the folder"),
    (#"{"a":""}"#, "lies outside the folder"),
    (#"{"a":3}"#, "is a number, not a name"),
    (#"{"a":"s1.safetensors","z":"s1.safetensors"}"#, "tensor z: not in the shard s1.safetensors"),
    ("{}", "no weight_map"),
    ("[", "not valid JSON"),
  ]) func badIndex(_ map: String, _ reason: String) throws {
    try withFolder { folder in
      try write(safetensors(one, data: 1), to: "\(folder)/s1.safetensors")
      try index(map, in: folder)
      let message = failure { _ = try Checkpoint.open(folder) }
      #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
    }
  }

  @Test(arguments: ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
  func pickles(_ name: String) throws {
    try withFolder { folder in
      try write([0x80, 2], to: "\(folder)/\(name)")
      let message = failure { _ = try Checkpoint.open(folder) }
      #expect(message?.contains("pickled weights are not read") == true)
      #expect(message?.contains("save_pretrained") == true)
    }
  }

  @Test func nothing() throws {
    try withFolder { folder in
      #expect(
        failure { _ = try Checkpoint.open(folder) }?.contains("missing model.safetensors") == true)
      #expect(
        failure { _ = try Checkpoint.open("\(folder)/absent") }?.contains("No such file") == true)
    }
  }
}

import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// What is saved loads as the same model, bit for bit.
struct SaveTests {
  private let sequence: [Int32] = [256, 72, 101, 108, 108, 111, 32, 119, 111]

  private func roundTrip(
    _ model: Model, in parent: String, settings: SaveSettings = SaveSettings(),
    _ check: (Model, String) throws -> Void = { _, _ in }
  ) throws {
    let target = "\(parent)/saved"
    try saveModel(model, to: target, settings: settings)
    let again = try loadModel(folder: target, backend: backend)
    #expect(try again.allLogits(sequence) == model.allLogits(sequence))
    #expect(again.byteCount == model.byteCount)
    #expect(again.lineage == model.lineage)
    #expect(again.endTokens == model.endTokens)
    #expect(again.tokenizer.contentHash == model.tokenizer.contentHash)
    try check(again, target)
  }

  private func packed(
    _ weight: Weight, bits: Int, group: Int?, symmetric: Bool, indexed: Bool = false
  ) throws -> Weight {
    let (rows, columns) = (weight.rows, weight.columns)
    let grid = Grid(bits: bits, group: group, symmetric: symmetric)
    let groups = grid.groups(columns: columns)
    let stream = RandomStream(seed: 9, purpose: "codes", index: UInt64(rows * columns))
    func bytes(_ width: Int, _ from: Int, _ make: (UInt32) -> UInt8) throws -> Tensor {
      let tensor = try backend.make([rows, width], .u8)
      for place in 0..<rows * width {
        tensor.host?.storeBytes(of: make(stream[from + place]), toByteOffset: place, as: UInt8.self)
      }
      return tensor
    }
    let codes = try bytes(PackedMatrix.bytesPerRow(columns: columns, bits: bits), 0) {
      UInt8(truncatingIfNeeded: $0)
    }
    let scales = try backend.make([rows, groups], .f32)
    for place in 0..<rows * groups {
      scales.host?.storeBytes(
        of: 0.02 / Float(grid.midpoint) * (0.5 + stream.uniform(90000 + place)),
        toByteOffset: place * 4,
        as: Float.self)
    }
    let zeros = try bytes(groups, 200_000) { UInt8($0 % UInt32(grid.maximum + 1)) }
    var index: Tensor?
    if indexed {
      let tensor = try backend.make([columns], .i32)
      for column in 0..<columns {
        tensor.host?.storeBytes(
          of: Int32(column % groups), toByteOffset: column * 4, as: Int32.self)
      }
      index = tensor
    }
    return .packed(
      PackedMatrix(
        rows: rows, columns: columns, grid: grid, codes: codes, scales: scales,
        zeros: symmetric ? nil : zeros, groupIndex: index))
  }

  private func adapted(_ model: Model, only names: String? = nil) throws -> Model {
    try model.mapLinears { linear in
      var linear = linear
      if let names, !linear.name.hasSuffix(names) { return linear }
      func random(_ shape: [Int], _ purpose: String) throws -> Tensor {
        let tensor = try backend.make(shape, .f32)
        let stream = RandomStream(seed: 7, purpose: purpose + linear.name)
        for place in 0..<tensor.count {
          tensor.host?.storeBytes(
            of: stream.uniform(place) - 0.5, toByteOffset: place * 4, as: Float.self)
        }
        return tensor
      }
      linear.adapter = Adapter(
        a: try random([4, linear.inputs], "a"), b: try random([linear.outputs, 4], "b"), rank: 4,
        alpha: 6, dropout: 0.05)
      return linear
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16], [true, false]) func float(_ dtype: DType, _ tied: Bool)
    throws
  {
    try withFolder { parent in
      try makeSmallModel(
        in: "\(parent)/m", ["tie_word_embeddings": .bool(tied), "extra": "kept"], dtype: dtype)
      var model = try loadModel(folder: "\(parent)/m", backend: backend)
      #expect(model.isHeadTied == tied)
      #expect(model.embedding.dtype == dtype)
      model.lineage.append("looked at")
      try roundTrip(model, in: parent) { (again, folder) throws in
        #expect(again.isHeadTied == tied)
        #expect(try json("\(folder)/config.json")["extra"] == "kept")
        // What was read is written again byte for byte.
        #expect(
          try FileBytes.read("\(folder)/model.safetensors")
            == FileBytes.read("\(parent)/m/model.safetensors"))
      }
    }
  }

  @Test func shards() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let model = try loadModel(folder: "\(parent)/m", backend: backend)
      try roundTrip(model, in: parent, settings: SaveSettings(shardLimit: 100_000)) {
        (_, folder) throws in
        #expect(try FileBytes.names(in: folder).filter { $0.hasSuffix(".safetensors") }.count > 3)
        #expect(!FileBytes.isFile("\(folder)/model.safetensors"))
      }
    }
  }

  @Test(arguments: [2, 3, 4, 8], [true, false]) func quantized(_ bits: Int, _ symmetric: Bool)
    throws
  {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m", ["head_dim": 16, "intermediate_size": 96])
      let base = try loadModel(folder: "\(parent)/m", backend: backend)
      for group in [nil, 32] {
        for head in [false, true] {
          var model = try base.mapLinears { linear in
            var linear = linear
            if linear.name != "model.layers.1.mlp.up_proj" {
              linear.weight = try packed(
                linear.weight, bits: bits, group: group, symmetric: symmetric)
            }
            return linear
          }
          if head {
            model.head = try packed(model.head, bits: bits, group: group, symmetric: symmetric)
          }
          model.lineage.append("rtn w\(bits)")
          try roundTrip(model, in: parent) { (again, folder) throws in
            #expect(again.isQuantized)
            #expect(again.bitsPerWeight == model.bitsPerWeight)
            let config = try json("\(folder)/config.json")["quantization_config"]
            #expect(config?["quant_method"] == (bits == 3 ? "olv" : "olive"))
            #expect(config?["modules_to_not_convert"] == ["model.layers.1.mlp.up_proj"])
            #expect(config?["lm_head"] == .bool(head))
          }
        }
      }
    }
  }

  @Test func quantizedWithIndexAndAdapter() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let base = try loadModel(folder: "\(parent)/m", backend: backend)
      let model = try adapted(
        try base.mapLinears { linear in
          var linear = linear
          linear.weight = try packed(
            linear.weight, bits: 4, group: 32, symmetric: false, indexed: true)
          return linear
        })
      try roundTrip(model, in: parent) { (again, folder) throws in
        #expect(again.adapterParameterCount == model.adapterParameterCount)
        #expect(try json("\(folder)/config.json")["quantization_config"]?["quant_method"] == "olv")
      }
    }
  }

  @Test func adapterBesideFloatBase() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let base = try loadModel(folder: "\(parent)/m", backend: backend)
      let model = try adapted(base, only: "q_proj")
      #expect(try model.allLogits(sequence) != base.allLogits(sequence))
      try roundTrip(model, in: parent) { (again, folder) throws in
        let config = try json("\(folder)/adapter/adapter_config.json")
        #expect(config["target_modules"] == ["q_proj"])
        #expect(config["lora_dropout"] == 0.05 && config["lora_alpha"] == 6 && config["r"] == 4)
        // The adapter's folder alone names its base, wherever both were moved.
        try Shared.move(folder, to: "\(parent)/elsewhere")
        let moved = try loadModel(folder: "\(parent)/elsewhere/adapter", backend: backend)
        #expect(try moved.allLogits(sequence) == model.allLogits(sequence))
      }
    }
  }

  @Test func adapterAlone() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let base = try loadModel(folder: "\(parent)/m", backend: backend)
      let model = try adapted(base)
      try saveAdapter(model, to: "\(parent)/a")
      #expect(
        try FileBytes.names(in: "\(parent)/a") == [
          "adapter_config.json", "adapter_model.safetensors",
        ])
      let again = try loadModel(folder: "\(parent)/a", backend: backend)
      #expect(try again.allLogits(sequence) == model.allLogits(sequence))
      try saveAdapter(model, to: "\(parent)/b", base: "some/hub-name")
      #expect(
        failure { _ = try loadModel(folder: "\(parent)/b", backend: backend) }?.contains(
          "found some/hub-name") == true)
      let resolved = try loadModel(folder: "\(parent)/b", backend: backend) { name in
        #expect(name == "some/hub-name")
        return "\(parent)/m"
      }
      #expect(try resolved.allLogits(sequence) == model.allLogits(sequence))
      // Files of an adapter that lie in the model's own folder belong to it.
      for name in ["adapter_config.json", "adapter_model.safetensors"] {
        try Shared.move("\(parent)/a/\(name)", to: "\(parent)/m/\(name)")
      }
      let beside = try loadModel(folder: "\(parent)/m", backend: backend)
      #expect(try beside.allLogits(sequence) == model.allLogits(sequence))
      #expect(failure { try saveAdapter(base, to: "\(parent)/c") } != nil)
    }
  }

  @Test func adapterThatDoesNotFit() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      try makeSmallModel(in: "\(parent)/other", ["intermediate_size": 128])
      let model = try adapted(try loadModel(folder: "\(parent)/m", backend: backend))
      try saveAdapter(model, to: "\(parent)/a", base: "\(parent)/other")
      let message = failure { _ = try loadModel(folder: "\(parent)/a", backend: backend) }
      #expect(
        message?.contains(
          "down_proj: expected lora_A [r, 128] and lora_B [64, r], found [4, 96] and [64, 4]")
          == true)
    }
  }

  /// Saving over the folder that the weights are mapped from.
  @Test func overItself() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      var model = try loadModel(folder: "\(parent)/m", backend: backend)
      let before = try model.allLogits(sequence)
      model.lineage.append("again")
      try saveModel(model, to: "\(parent)/m")
      #expect(try model.allLogits(sequence) == before)
      let again = try loadModel(folder: "\(parent)/m", backend: backend)
      #expect(try again.allLogits(sequence) == before)
      #expect(again.lineage == model.lineage)
      try saveModel(again, to: "\(parent)/m")
      #expect(try FileBytes.names(in: parent) == ["m"])
    }
  }

  @Test func sourceThatChanged() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let model = try loadModel(folder: "\(parent)/m", backend: backend)
      let size = try FileBytes.read("\(parent)/m/model.safetensors").count
      try Shared.resize("\(parent)/m/model.safetensors", to: size + 1)
      let message = failure { try saveModel(model, to: "\(parent)/saved") }
      #expect(message?.contains("it had \(size) bytes and now has \(size + 1)") == true)
      let left = try FileBytes.names(in: parent)
      #expect(left == ["m"])
    }
  }

  @Test func fullDisk() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let model = try adapted(try loadModel(folder: "\(parent)/m", backend: backend))
      let before = try FileBytes.read("\(parent)/m/model.safetensors")
      for space in [0, 1000, 300_000, before.count + 100] {
        let message = FileSink.$diskSpace.withValue(FileSink.DiskSpace(space)) {
          failure { try saveModel(model, to: "\(parent)/m") }
        }
        #expect(message?.contains("No space left on device") == true)
        #expect(try FileBytes.names(in: parent) == ["m"])
        #expect(!FileBytes.isFolder("\(parent)/m/adapter"))
        #expect(try FileBytes.read("\(parent)/m/model.safetensors") == before)
      }
    }
  }

  @Test func conversionAtLoad() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m")
      let model = try loadModel(folder: "\(parent)/m", backend: backend, dtype: .f16)
      #expect(model.embedding.dtype == .f16)
      #expect(
        model.allLinears.allSatisfy {
          if case .dense(let w) = $0.weight { w.dtype == .f16 } else { false }
        })
      try roundTrip(model, in: parent) { (_, folder) throws in
        #expect(try json("\(folder)/config.json")["torch_dtype"] == "float16")
      }
    }
  }
}

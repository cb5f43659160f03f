import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// The 4-bit checkpoint that Olive wrote.
@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct OliveTests {
  let folder = "\(Shared.reference ?? "")/olive_phi3_gptq_g32_sym"
  let sequence: [Int32] = [408, 5, 940, 358, 608, 589, 28, 1043, 223, 201, 408, 5]

  @Test func dequantizedModelGivesTheSame() throws {
    let model = try loadModel(folder: folder, backend: backend)
    #expect(model.isQuantized && model.allLinears.count == 16)
    #expect(abs(model.bitsPerWeight - 5) < 1e-9)
    let plain = try model.mapLinears { linear in
      guard case .packed(let matrix) = linear.weight else { return linear }
      // Codes and scales by their definition, independently of the backend's kernels.
      let codes = try backend.read(matrix.codes).map { Int($0) }
      let scales = try backend.read(matrix.scales)
      let tensor = try backend.make([matrix.rows, matrix.columns], .f32)
      let groups = matrix.columns / 32
      for row in 0..<matrix.rows {
        for column in 0..<matrix.columns {
          let byte = codes[row * matrix.columns / 2 + column / 2]
          let code = column % 2 == 0 ? byte & 15 : byte >> 4
          tensor.host?.storeBytes(
            of: Float(code - 8) * scales[row * groups + column / 32],
            toByteOffset: (row * matrix.columns + column) * 4, as: Float.self)
        }
      }
      var linear = linear
      linear.weight = .dense(tensor)
      return linear
    }
    #expect(distance(try model.allLogits(sequence), try plain.allLogits(sequence)) <= 2e-4)
  }

  /// GPTQ at 4 bits stays near the float model: codes that were unpacked wrongly would not.
  @Test func staysNearTheFloatModel() throws {
    let quantized = try loadModel(folder: folder, backend: backend)
    let float = try loadModel(folder: "\(Shared.reference ?? "")/phi3-tiny", backend: backend)
    for (a, b) in zip(quantized.allLinears, float.allLinears) {
      guard case .packed(let matrix) = a.weight, case .dense(let weight) = b.weight else {
        Issue.record("\(a.name) is not quantized")
        continue
      }
      let (q, w) = (try backend.read(try backend.dequantize(matrix)), try backend.read(weight))
      let error = zip(q, w).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let size = w.reduce(0) { $0 + $1 * $1 }
      #expect((error / size).squareRoot() < 0.15, "\(a.name)")
    }
  }

  /// Loading and saving what Olive wrote gives Olive's tensors and configuration again.
  @Test func savedAsOliveWroteIt() throws {
    let model = try loadModel(folder: folder, backend: backend)
    try withFolder { parent in
      try saveModel(model, to: "\(parent)/m")
      let (old, new) = (try Checkpoint.open(folder), try Checkpoint.open("\(parent)/m"))
      #expect(new.names == old.names)
      for name in old.names {
        #expect(try backend.read(new.tensor(name)) == backend.read(old.tensor(name)), "\(name)")
        #expect(new.info(name)?.type == old.info(name)?.type)
        #expect(new.info(name)?.shape == old.info(name)?.shape)
      }
      let (a, b) = (try json("\(folder)/config.json"), try json("\(parent)/m/config.json"))
      #expect(a == b)
      let again = try loadModel(folder: "\(parent)/m", backend: backend)
      #expect(try again.allLogits(sequence) == model.allLogits(sequence))
    }
  }
}

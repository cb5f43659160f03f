import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

struct RandomModelTests {
  @Test(arguments: [DType.f32, .f16, .bf16]) func writtenEqualsMade(_ dtype: DType) throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m", dtype: dtype)
      let written = try loadModel(folder: "\(parent)/m", backend: backend)
      let made = try randomModel(folder: "\(parent)/m", backend: backend, dtype: dtype)
      let sequence: [Int32] = [1, 2, 3]
      #expect(try made.allLogits(sequence) == written.allLogits(sequence))
      let other = try randomModel(folder: "\(parent)/m", backend: backend, dtype: dtype, seed: 1)
      #expect(try other.allLogits(sequence) != written.allLogits(sequence))
    }
  }

  @Test func distribution() throws {
    try withFolder { parent in
      try makeSmallModel(in: "\(parent)/m", ["initializer_range": 0.1])
      let model = try loadModel(folder: "\(parent)/m", backend: backend)
      let weights = try backend.read(model.embedding).map(Double.init)
      let count = Double(weights.count)
      let mean = weights.reduce(0, +) / count
      let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      #expect(abs(mean) < 4 * 0.1 / count.squareRoot())
      #expect(abs(variance.squareRoot() - 0.1) < 0.1 * 4 / (2 * count).squareRoot())
      #expect(try backend.read(model.norm).allSatisfy { $0 == 1 })
    }
  }

  /// The real configurations describe models of the published sizes.
  @Test(
    .enabled(if: Shared.hasReal, "needs ../shared/real"),
    arguments: [("phi-3.5-mini-instruct", 3_821_079_552), ("llama-3.1-8b-instruct", 8_030_261_248)])
  func publishedSizes(_ name: String, _ parameters: Int) throws {
    let path = "\(Shared.real ?? "")/configs/\(name)/config.json"
    let object = try #require(try json(path).objectValue)
    let family = try ModelFamilies.family(of: object, path: path)
    let config = try family.config(ConfigReader(object, path: path))
    let linears = family.projections(config).reduce(0) { $0 + $1.outputs * $1.inputs }
    let blocks = config.layers * (linears + 2 * config.hidden)
    #expect(blocks + 2 * config.vocabulary * config.hidden + config.hidden == parameters)
  }
}

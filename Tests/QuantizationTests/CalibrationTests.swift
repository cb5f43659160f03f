import Data
import Models
import Quantization
import TestSupport
import Testing

@Suite(.enabled(if: Shared.hasReference, "needs ../shared/reference"))
struct CalibrationTests {
  let model: Model
  let dataset: Dataset
  init() throws {
    model = try Reference.model()
    dataset = try Reference.dataset()
  }

  private func data(_ dataset: Dataset, samples: Int, length: Int, seed: UInt64? = nil) throws
    -> CalibrationData
  {
    try CalibrationData(
      dataset, tokenizer: model.tokenizer, vocabulary: model.config.vocabulary, samples: samples,
      length: length, seed: seed)
  }

  /// Rows and separators end to end, cut without overlap.
  @Test func blocks() throws {
    let rows = try dataset.slice(0, 40)
    var stream: [Int32] = []
    for index in 0..<rows.count {
      stream += model.tokenizer.encode(try rows.text(at: index)) + model.tokenizer.encode("\n\n")
    }
    let found = try data(rows, samples: 12, length: 100)
    #expect(found.samples == 12 && found.tokens == 1200)
    #expect(found.blocks.flatMap { $0 } == Array(stream.prefix(1200)))
  }

  @Test func moreSamplesThanThereAre() throws {
    let rows = try dataset.slice(0, 10)
    var tokens = 0
    for index in 0..<rows.count {
      tokens +=
        model.tokenizer.encode(try rows.text(at: index)).count
        + model.tokenizer.encode("\n\n").count
    }
    // As in Olive, a block must be followed by at least one token.
    let available = (tokens - 1) / 64
    #expect(try data(rows, samples: available, length: 64).samples == available)
    #expect(
      throws: QuantizationFailure.tooFewSamples(
        wanted: available + 1, available: available, length: 64, data: rows.label)
    ) { try data(rows, samples: available + 1, length: 64) }
    #expect(
      throws: QuantizationFailure.tooFewSamples(
        wanted: 1, available: 0, length: 1 << 20, data: rows.label)
    ) { try data(rows, samples: 1, length: 1 << 20) }
  }

  @Test func randomChoice() throws {
    let rows = try dataset.slice(0, 100)
    let all = Set(try data(rows, samples: 60, length: 64).blocks)
    let one = try data(rows, samples: 20, length: 64, seed: 1)
    #expect(one.blocks == (try data(rows, samples: 20, length: 64, seed: 1)).blocks)
    #expect(one.blocks != (try data(rows, samples: 20, length: 64, seed: 2)).blocks)
    #expect(Set(one.blocks).count == 20)
    #expect(one.blocks.contains { all.contains($0) } && one.blocks.contains { !all.contains($0) })
  }

  @Test func randomTokens() throws {
    let found = try data(.random(), samples: 3, length: 1000)
    #expect(found.samples == 3 && found.tokens == 3000)
    #expect(found.blocks.joined().allSatisfy { $0 >= 0 && $0 < 2048 })
    #expect(Set(found.blocks.joined()).count > 1200)
  }
}

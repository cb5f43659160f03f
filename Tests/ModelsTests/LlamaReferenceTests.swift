import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// Two small Llama models that strangers trained, against float64 references.
@Suite(.enabled(if: Shared.hasReal, "needs ../shared/real"))
struct LlamaReferenceTests {
  static let tolerance: Float = 1e-4

  private func folder(_ name: String) -> String { "\(Shared.real ?? "")/models/\(name)" }

  @Test(arguments: ["stories260K", "babyllama-105"]) func logits(_ name: String) throws {
    let model = try loadModel(folder: folder(name), backend: backend)
    let reference = try json("\(folder(name))/reference_logits.json")
    let sequence = ids(reference["ids"])
    let bytes = try FileBytes.read("\(folder(name))/reference_logits_f32.bin")
    let expected = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(expected.count == sequence.count * model.config.vocabulary)
    let difference = distance(try model.allLogits(sequence), expected)
    #expect(difference <= Self.tolerance, "largest difference \(difference)")
  }

  /// The negative log-likelihood of each of 40 paragraphs, all in one ragged batch.
  @Test(arguments: ["stories260K", "babyllama-105"]) func paragraphs(_ name: String) throws {
    let model = try loadModel(folder: folder(name), backend: backend)
    let rows = try json("\(folder(name))/reference_nll.json")["rows"]?.arrayValue ?? []
    #expect(rows.count == 40)
    let sequences = rows.map { ids($0["ids"]) }
    let segments = Segments(lengths: sequences.map(\.count))
    let hidden = try model.hidden(sequences.flatMap { $0 }, segments: segments)
    let nll = try backend.read(
      try model.nll(hidden, targets: sequences.flatMap { $0.dropFirst() + [-1] }))
    for (place, row) in rows.enumerated() {
      let sum = nll[segments[place]].reduce(0.0) { $0 + Double($1) }
      let expected = try #require(row["sum_nll"]?.doubleValue)
      #expect(
        abs(sum - expected) <= Double(Self.tolerance), "paragraph \(place): \(sum), not \(expected)"
      )
    }
  }
}

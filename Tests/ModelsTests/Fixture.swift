import Checkpoints
import JSON
import Models
import Tensor
import TestSupport
import Testing

/// The backend that all tests of models share.
let backend: any Backend = {
  do { return try CPUBackend() } catch { fatalError("no CPU backend: \(error)") }
}()

/// The named reference tensor as numbers.
func values(_ name: String, in file: Safetensors) throws -> [Float] {
  try backend.read(try file.tensor(name))
}

/// The largest absolute difference, which is infinite where lengths differ or a value is not finite.
func distance(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) {
    $1.0.isFinite && $1.1.isFinite ? max($0, abs($1.0 - $1.1)) : .infinity
  }
}

extension Model {
  /// The scores after every token of one sequence.
  func allLogits(_ ids: [Int32]) throws -> [Float] {
    try backend.read(try logits(try hidden(ids, segments: Segments(lengths: [ids.count]))))
  }
}

/// A folder that goes away with the test.
func withFolder(_ body: (String) throws -> Void) throws {
  let folder = try Shared.temporaryFolder()
  defer { Shared.remove(folder) }
  try body(folder)
}

/// Token ids of a JSON array.
func ids(_ json: JSON?) -> [Int32] {
  (json?.arrayValue ?? []).compactMap { $0.intValue.map(Int32.init) }
}

func json(_ path: String) throws -> JSON {
  try FileBytes.read(path).withUnsafeBytes { try JSON.parse($0, path: path) }
}

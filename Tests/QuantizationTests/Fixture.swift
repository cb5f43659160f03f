import Checkpoints
import Data
import JSON
import Models
import Quantization
import Runtime
import Tensor
import TestSupport
import Testing
import Tokenizers

/// The backend that all tests of quantization share.
let backend: any Backend = {
  do { return try CPUBackend() } catch { fatalError("no CPU backend: \(error)") }
}()

/// The reference folder with its tiny model, text and numbers.
enum Reference {
  static let folder = Shared.reference ?? ""

  static func model() throws -> Model {
    try loadModel(folder: "\(folder)/phi3-tiny", backend: backend)
  }

  static func json(_ name: String) throws -> JSON {
    let path = "\(folder)/\(name).json"
    return try FileBytes.read(path).withUnsafeBytes { try JSON.parse($0, path: path) }
  }

  static func dataset() throws -> Dataset {
    try Dataset.open(
      "\(folder)/tiny-codes.jsonl",
      DatasetOptions(
        template: try Template(
          "### Language: {programming_language} \n### Question: {prompt} \n### Answer: {response}"))
    )
  }

  /// 64 blocks of 256 tokens of the first 1000 rows, as Olive was calibrated.
  static func calibration(_ model: Model, samples: Int = 64) throws -> CalibrationData {
    try CalibrationData(
      try dataset().slice(0, 1000), tokenizer: model.tokenizer,
      vocabulary: model.config.vocabulary, samples: samples, length: 256)
  }

  /// The perplexity of rows 5000:5200, each alone, up to 512 tokens.
  static func perplexity(_ model: Model) throws -> Double {
    let dataset = try dataset().slice(5000, 5200)
    var sum = 0.0
    var count = 0
    for start in stride(from: 0, to: dataset.count, by: 25) {
      var ids: [Int32] = []
      var targets: [Int32] = []
      var lengths: [Int] = []
      for index in start..<min(start + 25, dataset.count) {
        let row = Array(model.tokenizer.encode(try dataset.text(at: index)).prefix(512))
        ids += row
        targets += row.dropFirst() + [-1]
        lengths.append(row.count)
        count += row.count - 1
      }
      let hidden = try model.hidden(ids, segments: Segments(lengths: lengths))
      sum += try backend.read(try model.nll(hidden, targets: targets))
        .reduce(0) { $0 + Double($1) }
    }
    return exponential(sum / Double(count))
  }

  /// The Hessian of a layer's input while a float model reads the calibration tokens.
  static func proxySum(_ report: QuantizationReport) -> Double {
    report.layers.reduce(0) { $0 + ($1.proxy ?? .infinity) }
  }
}

/// e^x by its series after halving x often enough.
func exponential(_ x: Double) -> Double {
  let part = x / 1024
  var (term, sum) = (1.0, 1.0)
  for n in 1..<20 {
    term *= part / Double(n)
    sum += term
  }
  for _ in 0..<10 { sum *= sum }
  return sum
}

extension Model {
  /// The codes of a linear.
  func packed(_ name: String) -> PackedMatrix? {
    if case .packed(let matrix)? = linear(named: name)?.weight { return matrix }
    return nil
  }

  /// The float weight of a linear.
  func dense(_ name: String) -> Tensor? {
    if case .dense(let tensor)? = linear(named: name)?.weight { return tensor }
    return nil
  }

  /// Every byte of every quantized linear.
  var allCodes: [UInt8] {
    allLinears.flatMap { linear -> [UInt8] in
      guard case .packed(let matrix) = linear.weight else { return [] }
      return matrix.codes.bytes + matrix.scales.bytes + (matrix.zeros?.bytes ?? [])
        + (matrix.groupIndex?.bytes ?? [])
    }
  }
}

extension Tensor {
  var bytes: [UInt8] { [UInt8](UnsafeRawBufferPointer(start: host, count: byteCount)) }
}

/// The largest absolute difference, infinite where lengths differ or a value is not finite.
func distance(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) {
    $1.0.isFinite && $1.1.isFinite ? max($0, abs($1.0 - $1.1)) : .infinity
  }
}

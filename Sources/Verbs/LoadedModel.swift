import Data
import JSON
import Models
import Quantization
import Session
import Tensor

/// A model of the engine as a value of the language.
struct LoadedModel: ModelValue {
  var model: Model
  /// What the last quantization did to each layer, where it happened in this session.
  var quantization: QuantizationReport?
  /// The text that it was calibrated on, or would have been by a method that needs any.
  var calibration: CalibrationText?
  /// The rows that it was trained or calibrated on in this session, oldest first.
  var exposures: [Exposure] = []

  init(
    _ model: Model, quantization: QuantizationReport? = nil, calibration: CalibrationText? = nil
  ) {
    self.model = model
    self.quantization = quantization
    self.calibration = calibration
  }

  /// Whether it was fine-tuned, also where the adapter was merged since.
  var isTrained: Bool {
    model.hasAdapter || model.lineage.contains { $0.hasPrefix("lora ") }
  }

  var lineage: String { model.lineage.joined(separator: " → ") }

  var fields: JSONObject {
    JSONObject([
      ("family", .string(model.family)),
      ("parameters", .int(model.parameterCount)),
      ("bytes", .int(model.byteCount)),
      ("bits_per_weight", .number(model.bitsPerWeight)),
      ("quantized", .bool(model.isQuantized)),
      ("adapter", .bool(model.hasAdapter)),
      ("adapter_parameters", .int(model.adapterParameterCount)),
      ("layers", .int(model.config.layers)),
      ("hidden", .int(model.config.hidden)),
      ("vocabulary", .int(model.config.vocabulary)),
      ("compute", .string(model.precision.rawValue)),
    ])
  }
}

extension RunContext {
  /// The piped or current model.
  func loadedModel() throws -> LoadedModel { try model(as: LoadedModel.self) }

  var engine: Engine { get throws { try host(as: Engine.self) } }

  /// The backend in use. The report says which device was taken, once.
  func backend() throws -> any Backend {
    let backend = try engine.backend()
    if let notice = try engine.takeNotice() { note(notice) }
    return backend
  }
}

/// Which blocks of which rows a model is calibrated on.
struct CalibrationText: Sendable {
  var rows: Dataset
  var samples: Int
  /// Tokens in a block; nil: 2048, or what the model reads.
  var length: Int?
  var seed: UInt64?

  /// - Throws: `QuantizationFailure.tooFewSamples`, `DatasetFailure`, `Cancelled`.
  func data(for model: Model) throws -> CalibrationData {
    try CalibrationData(
      rows, tokenizer: model.tokenizer, vocabulary: model.config.vocabulary, samples: samples,
      length: length ?? min(2048, model.config.maxPositions), seed: seed)
  }
}

import Cache
import Models
import Runtime

/// A way to round a model's weights to few bits. One file per method.
public protocol Quantizer: Sendable {
  /// `gptq`
  var name: String { get }
  /// What it does, in one sentence.
  var summary: String { get }
  var paper: String { get }
  var defaults: QuantizationSettings { get }
  /// Which settings it heeds beyond bits, group, symmetric, scale and skip.
  var options: Set<QuantizationOption> { get }

  /// The model with its block linears quantized, adapters kept beside them. The model given stays as it is.
  ///
  /// - Parameters:
  ///   - workplace: Where finished blocks are kept, and found again by a run that follows one that was killed.
  ///   - float: Where the statistics of the float model come from, or are left; only where the settings calibrate on it and
  ///     judge by Hessians (see `QuantizationSettings.measuresFloat`).
  /// - Throws: `QuantizationFailure`, `Cancelled`, `OutOfMemory`.
  func quantize(
    _ model: Model, settings: QuantizationSettings, calibration: CalibrationData?,
    progress: ProgressHandler?, workplace: Workplace?, float: FloatStatistics?
  ) throws -> (Model, QuantizationReport)
}

public enum QuantizationOption: String, Sendable, Hashable, CaseIterable {
  /// Calibration: data, samples, length, seed.
  case data
  case order, damping, sequential, objective
}

extension Quantizer {
  /// Whether it cannot work without calibration data.
  public var needsData: Bool { options.contains(.data) }
}

/// The methods that olv knows. A new one is its file and its place here.
public enum Quantizers {
  public static let all: [any Quantizer] = [RTN(), GPTQ(), AWQ()]

  public static var names: [String] { all.map(\.name) }

  /// - Throws: `QuantizationFailure.unknownMethod`.
  public static func named(_ name: String) throws -> any Quantizer {
    guard let found = all.first(where: { $0.name == name }) else {
      throw QuantizationFailure.unknownMethod(name, known: names)
    }
    return found
  }
}

extension Model {
  /// The model quantized with the method that `settings` name.
  ///
  /// - Throws: `QuantizationFailure`, `Cancelled`, `OutOfMemory`.
  public func quantized(
    _ settings: QuantizationSettings, calibration: CalibrationData? = nil,
    progress: ProgressHandler? = nil, workplace: Workplace? = nil, float: FloatStatistics? = nil
  ) throws -> (Model, QuantizationReport) {
    try Quantizers.named(settings.method).quantize(
      self, settings: settings, calibration: calibration, progress: progress,
      workplace: workplace, float: settings.measuresFloat ? float : nil)
  }
}

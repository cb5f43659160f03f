import Runtime

/// Why a model cannot be quantized as asked.
public enum QuantizationFailure: Failure, Equatable {
  case unknownMethod(String, known: [String])
  case unsupportedBits(Int)
  case groupOutOfRange(Int)
  /// The layer's width, and the group sizes that divide the widths of all layers.
  case groupDoesNotDivide(group: Int, layer: String, width: Int, dividing: [Int])
  case notPositive(String)
  case badDamping(Float)
  case notForMethod(option: String, method: String)
  case alreadyQuantized(layer: String)
  case nothingToQuantize(skip: [String])
  case unmatchedSkip(String, layers: [String])
  case needsData(method: String)
  case tooFewSamples(wanted: Int, available: Int, length: Int, data: String)
  case blockTooLong(length: Int, maxPositions: Int)
  /// NaN or Inf, found in `what`: the layer's weights, its Hessian, its scales.
  case notFinite(layer: String, what: String)
  case notPositiveDefinite(layer: String, damping: Float)

  public var message: String {
    switch self {
    case .unknownMethod(let name, _): "no quantizer `\(name)`"
    case .unsupportedBits(let bits): "\(bits) bits are not supported"
    case .groupOutOfRange(let group): "a group of \(group) weights is not supported"
    case .groupDoesNotDivide(let group, let layer, let width, _):
      "groups of \(group) do not divide the \(width) inputs of \(layer)"
    case .notPositive(let option): "\(option) is too small"
    case .badDamping(let damping): "a damping of \(damping) makes no sense"
    case .notForMethod(let option, let method): "\(method) has no `\(option)`"
    case .alreadyQuantized(let layer): "the model is quantized already: \(layer) holds codes"
    case .nothingToQuantize(let skip):
      "skip leaves nothing to quantize: \(skip.joined(separator: ", "))"
    case .unmatchedSkip(let pattern, _): "skip: no layer matches `\(pattern)`"
    case .needsData(let method): "\(method) needs calibration data"
    case .tooFewSamples(let wanted, let available, let length, let data):
      "\(data) gives \(Words.counted(available, "block")) of \(length) tokens, not \(wanted)"
    case .blockTooLong(let length, let maxPositions):
      "calibration blocks of \(length) tokens are longer than the \(maxPositions) that the model reads"
    case .notFinite(let layer, let what): "\(layer): NaN or Inf in the \(what)"
    case .notPositiveDefinite(let layer, let damping):
      "\(layer): the Hessian is not positive definite, not even with a damping of \(damping)"
    }
  }

  public var help: String? {
    switch self {
    case .unknownMethod(_, let known): "known: \(known.joined(separator: ", "))"
    case .unsupportedBits: "use 2, 3, 4 or 8"
    case .groupOutOfRange: "use 16 to 128, or none for whole rows"
    case .groupDoesNotDivide(_, _, _, let dividing):
      dividing.isEmpty
        ? "no group divides all layers: quantize whole rows (group=none), or skip layers"
        : "these divide all layers: \(dividing.map(String.init).joined(separator: ", "))"
    case .notPositive(let option): option == "length" ? "use 2 tokens or more" : "use 1 or more"
    case .badDamping: "use a part of the mean of the diagonal, such as 0.01"
    case .notForMethod: nil
    case .alreadyQuantized:
      "quantize the float model; an adapter trained on this one can be merged first (merge)"
    case .nothingToQuantize: nil
    case .unmatchedSkip(_, let layers): "layers are called \(layers.joined(separator: ", "))"
    case .needsData: "give it a dataset: data=NAME"
    case .tooFewSamples(_, let available, _, _):
      available > 0
        ? "use samples=\(available), a smaller length= or more data"
        : "use a smaller length= or more data"
    case .blockTooLong: "use a smaller length="
    case .notFinite(_, let what):
      what == "weight" ? "the checkpoint is damaged, or training diverged" : nil
    case .notPositiveDefinite: "use more samples"
    }
  }
}

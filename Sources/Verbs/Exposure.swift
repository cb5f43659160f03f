import Data
import Session

/// Rows that a model has seen on its way: measuring it on them flatters it.
struct Exposure {
  enum Kind: String {
    case trained = "trained on"
    case calibrated = "calibrated on"
  }

  var kind: Kind
  var rows: Dataset

  var code: String { kind == .trained ? "data.trained-on" : "data.calibrated-on" }

  /// What is wrong with measuring on `measured`, and which of them would do; nil where none was seen.
  func warning(measuring measured: Dataset) -> (message: String, help: String)? {
    guard let common = rows.overlap(with: measured) else { return nil }
    let share =
      common.count == measured.count
      ? "all \(measured.count) rows" : "\(common.count) of the \(measured.count) rows"
    var fresh = "rows that it has not seen"
    let (low, high) = (measured.range.lowerBound, measured.range.upperBound)
    if common.lowerBound > low {
      fresh = "`\(measured.name)[\(low):\(common.lowerBound)]`"
    } else if common.upperBound < high {
      fresh = "`\(measured.name)[\(common.upperBound):\(high)]`"
    }
    return (
      "\(share) of \(measured.label) were \(kind.rawValue): the number flatters the model",
      "measure on \(fresh)"
    )
  }
}

extension RunContext {
  /// Warns where a model is measured on rows that it was trained or calibrated on.
  ///
  /// - Parameter parameter: The argument that names the rows.
  func warn(of model: LoadedModel, measuring rows: Dataset, about parameter: String = "data") {
    for exposure in model.exposures {
      guard let (message, help) = exposure.warning(measuring: rows) else { continue }
      warn(
        exposure.code, message, about: parameter, help: help,
        notes: ["\(exposure.kind.rawValue) \(exposure.rows.label)"])
    }
  }
}

import Data
import Runtime
import Session

/// A dataset of the engine as a value of the language.
struct OpenDataset: DatasetValue {
  var dataset: Dataset

  init(_ dataset: Dataset) { self.dataset = dataset }

  var name: String { dataset.label }

  func sliced(lower: Int?, upper: Int?) throws -> any DatasetValue {
    OpenDataset(try dataset.slice(lower, upper))
  }

  func split(_ name: String) throws -> any DatasetValue {
    OpenDataset(try dataset.named(name))
  }

  func columns() throws -> [String] { dataset.columns }

  var splits: [String] { dataset.partNames }
}

extension DatasetReference {
  /// The engine's dataset.
  func opened() throws -> Dataset {
    guard let dataset = value as? OpenDataset else { throw ForeignDataset(name: value.name) }
    return dataset.dataset
  }

  /// The rows for a role, checked to have text.
  func rows(for role: Dataset.Role) throws -> Dataset? {
    let dataset = try opened()
    if dataset.isRandomTokens { return dataset }
    guard let rows = try dataset.rows(for: role) else { return nil }
    try rows.checkText()
    return rows
  }
}

struct ForeignDataset: Failure {
  var name: String
  var message: String { "\(name) is not a dataset that the engine can read" }
}

import JSON

/// One row of a dataset.
public struct Row: Sendable, Equatable {
  /// Its number in its split, counted from 0.
  public let index: Int
  /// The values by column; a column that the row lacks has none.
  public let values: JSONObject

  public init(index: Int, values: JSONObject) {
    self.index = index
    self.values = values
  }

  public subscript(column: String) -> JSON? { values[column] }

  /// The value as Python's `str()` writes it; empty where it is null or absent.
  public func text(_ column: String) -> String { values[column].map { PythonText.str($0) } ?? "" }
}

/// A dataset as the session sees it: named rows that can be cut. Making one opens nothing it need not.
public protocol DatasetValue: Sendable {
  /// What reports call it, with its cuts: `tiny-codes[5000:6000]`.
  var name: String { get }

  /// `data[2:5]`, half-open; an absent bound is nil, and `data[:]` is all rows.
  ///
  /// - Throws: A `Failure` where there are no such rows, as far as that is known without reading them.
  func sliced(lower: Int?, upper: Int?) throws -> any DatasetValue

  /// `data.train`.
  ///
  /// - Throws: A `Failure` that lists the splits where there is none of this name.
  func split(_ name: String) throws -> any DatasetValue

  /// The columns that templates may use.
  ///
  /// - Throws: A `Failure` where the data cannot be read.
  func columns() throws -> [String]

  /// The splits that `split` knows.
  var splits: [String] { get }

  /// What opens it again, in a session that knows no names.
  var recorded: RecordedArgument { get }
}

extension DatasetValue {
  public var splits: [String] { [] }
  public var recorded: RecordedArgument { .unknown }
}

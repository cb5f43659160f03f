/// A backend that can record what it is asked for, and do it again at a fraction of the cost of asking: for the many small
/// operations that a token of generation takes.
public protocol ReplayingBackend: Backend {
  /// Runs `body`, then records it. What it does must depend on nothing but the contents of tensors: no reading, no new
  /// numbers from the host.
  func record(_ body: () throws -> Tensor) throws -> any Recording
  /// Overwrites an i32 tensor `[count]`.
  func write(_ integers: [Int32], into target: Tensor) throws
  /// Rows of `table` whose numbers, all of them valid, are in the i32 tensor `ids`.
  func embedding(_ table: Tensor, at ids: Tensor) throws -> Tensor
}

/// What a backend has recorded.
public protocol Recording: AnyObject {
  /// What the recorded body returned; each replay overwrites it.
  var output: Tensor { get }
  func replay() throws
}

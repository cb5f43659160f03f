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
  /// Chooses the likeliest next token, f32 `scores [1, vocabulary]`, the first of equals. `inputs`, i32 `[2]`, hold a token
  /// and its position, and become the next; `history[position]`, i32, becomes the token chosen, or −1 where a score is NaN
  /// or none is finite.
  func advance(_ inputs: Tensor, by scores: Tensor, history: Tensor) throws
}

/// What a backend has recorded.
public protocol Recording: AnyObject {
  /// What the recorded body returned; each replay overwrites it.
  var output: Tensor { get }
  func replay() throws
}

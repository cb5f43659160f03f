/// Where and how a forward pass runs: the backend, the precision of products, and the tape of a training step.
///
/// The differentiable operations are methods of this type, one file each. Without a tape they compute and keep nothing.
public struct Execution {
  public let backend: any Backend
  public var precision: Precision
  public var tape: Tape?

  public init(_ backend: any Backend, precision: Precision = .f32, tape: Tape? = nil) {
    self.backend = backend
    self.precision = precision
    self.tape = tape
  }

  /// The type of what only products read: that of the products where a tape will read it again, so that it is
  /// converted once.
  func operand(_ recorder: Tape?) -> DType {
    recorder == nil ? backend.activation : backend.operand(precision)
  }

  /// The same without a tape.
  public var untaped: Execution { Execution(backend, precision: precision) }

  /// The tape, where a gradient flows into any of `inputs`.
  func recording(_ inputs: Tensor?...) -> Tape? {
    guard let tape, inputs.contains(where: { $0.map(tape.tracks) ?? false }) else { return nil }
    return tape
  }
}

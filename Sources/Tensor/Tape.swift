import Runtime

/// What happened on the way forward, to be walked back: reverse-mode differentiation over the engine's coarse
/// operations.
///
/// A tensor is identified by its storage, so gradients belong to whole tensors; operations on views record their parents.
public final class Tape {
  private struct Entry {
    let output: Tensor
    /// The gates and ups that the output was made of, where they lie side by side in a tensor of their own.
    let gateUp: Tensor?
    let backward: (Tensor) throws -> Void
  }

  public let backend: any Backend
  /// Whether nobody but the tape sees what its operations give.
  private var isPrivate = false
  private var entries: [Entry] = []
  private var tracked: Set<ObjectIdentifier> = []
  private var gradients: [ObjectIdentifier: Gradient] = [:]

  private struct Gradient {
    var tensor: Tensor
    /// Whether somebody else reads the tensor too, so that it must not be written into.
    var shared: Bool
  }

  public init(_ backend: any Backend) { self.backend = backend }

  /// Marks a tensor (a parameter, or the input of a checkpointed part) as wanting a gradient.
  public func track(_ tensor: Tensor) { tracked.insert(tensor.id) }

  /// Whether a gradient flows into `tensor`.
  public func tracks(_ tensor: Tensor) -> Bool { tracked.contains(tensor.id) }

  /// Whether `tensor` is the output of a recorded operation that only recorded operations read: once all that read it have
  /// been walked back, it may be written over.
  public func owns(_ tensor: Tensor) -> Bool {
    isPrivate && entries.contains { $0.output.id == tensor.id }
  }

  /// Records an operation: its output, and what turns the output's gradient into its inputs' gradients.
  ///
  /// - Parameter gateUp: What the output was gated of; see `soleGateUp`.
  public func record(
    _ output: Tensor, gating gateUp: Tensor? = nil, backward: @escaping (Tensor) throws -> Void
  ) {
    tracked.insert(output.id)
    entries.append(Entry(output: output, gateUp: gateUp, backward: backward))
  }

  /// On the way back: what `tensor` was gated of, where the operation under way alone gives it a gradient, so that it may
  /// give that of `gateUp` instead. No gradient has arrived yet, and what is walked back next is the gating itself.
  func soleGateUp(of tensor: Tensor) -> Tensor? {
    guard let last = entries.last, last.output.id == tensor.id, gradients[tensor.id] == nil else {
      return nil
    }
    return last.gateUp
  }

  /// Adds to the gradient of `tensor`. The tape takes over `gradient` and may write into it later, unless it is `shared`.
  public func accumulate(_ gradient: Tensor, for tensor: Tensor, shared: Bool = false) throws {
    guard let sum = gradients[tensor.id] else {
      gradients[tensor.id] = Gradient(tensor: gradient, shared: shared)
      return
    }
    if sum.shared {
      gradients[tensor.id] = Gradient(
        tensor: try backend.add(sum.tensor, gradient), shared: false)
    } else {
      try backend.accumulate(gradient, into: sum.tensor)
    }
  }

  /// The gradient of a tracked tensor after `backward`; nil where none arrived. The tape forgets it.
  public func takeGradient(of tensor: Tensor) -> Tensor? {
    gradients.removeValue(forKey: tensor.id)?.tensor
  }

  /// Walks back from what has gradients, newest operation first, releasing each operation's tensors on the way.
  ///
  /// - Throws: `Cancelled` between operations.
  public func backward() throws {
    while let entry = entries.popLast() {
      try Interrupt.check()
      guard let gradient = gradients.removeValue(forKey: entry.output.id) else { continue }
      try entry.backward(gradient.tensor)
    }
  }

  /// Records that `y` came of `x` by steps that were not kept: on the way back `body` makes them again, on a tape of their
  /// own.
  ///
  /// - Parameter body: Takes x and the tape; gives the summands of y. Their values are not read, so the last operation of
  ///   each need not compute any (`Execution.linear(…, isRead: false)`).
  /// - Guarantee: gradients equal those of steps that were kept, bit for bit.
  ///
  /// *Paper:* Chen et al., "Training deep nets with sublinear memory cost" (2016).
  public func checkpoint(
    _ y: Tensor, of x: Tensor, parameters: [Tensor],
    body: @escaping (Tensor, Tape) throws -> [Tensor]
  ) {
    let wanted = parameters.filter(tracks)
    let needsInput = tracks(x)
    guard needsInput || !wanted.isEmpty else { return }
    record(y) { [unowned self] dy in
      let inner = Tape(backend)
      inner.isPrivate = true
      for parameter in wanted { inner.track(parameter) }
      if needsInput { inner.track(x) }
      for summand in try body(x, inner) { try inner.accumulate(dy, for: summand, shared: true) }
      try inner.backward()
      for parameter in wanted {
        if let gradient = inner.takeGradient(of: parameter) {
          try accumulate(gradient, for: parameter)
        }
      }
      if needsInput, let gradient = inner.takeGradient(of: x) { try accumulate(gradient, for: x) }
    }
  }
}

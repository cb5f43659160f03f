extension Execution {
  /// `a + b`, equally shaped.
  public func add(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    let y = try backend.add(a, b)
    guard let tape = recording(a, b) else { return y }
    tape.record(y) { [unowned tape] dy in
      for input in [a, b] where tape.tracks(input) {
        try tape.accumulate(dy, for: input, shared: true)
      }
    }
    return y
  }
}

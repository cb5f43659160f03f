extension Execution {
  /// `sum = x + delta`, `y = sum / √(mean(sum²) + ε) · weight`: x, delta `[n, width]`. Without delta, sum is x itself.
  ///
  /// *Paper:* Zhang and Sennrich, "Root mean square layer normalization" (2019).
  public func rmsNorm(_ x: Tensor, adding delta: Tensor? = nil, weight: Tensor, epsilon: Float)
    throws -> (sum: Tensor, y: Tensor)
  {
    let recorder = recording(x, delta)
    let output = try backend.rmsNorm(
      x, adding: delta, weight: weight, epsilon: epsilon, as: operand(recorder))
    guard let tape = recorder else { return (output.sum, output.y) }
    let backend = backend
    if let delta {
      // Recorded before y: walked after it, when all of the sum's gradient has arrived.
      tape.record(output.sum) { [unowned tape] dSum in
        for input in [x, delta] where tape.tracks(input) {
          try tape.accumulate(dSum, for: input, shared: true)
        }
      }
    }
    let sum = output.sum
    tape.record(output.y) { [unowned tape] dy in
      let earlier = tape.takeGradient(of: sum)
      let dSum = try backend.rmsNormBackward(
        dy, sum: sum, weight: weight, inverse: output.inverse, adding: earlier)
      try tape.accumulate(dSum, for: sum)
    }
    return (output.sum, output.y)
  }
}

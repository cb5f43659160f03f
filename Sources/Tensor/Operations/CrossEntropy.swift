extension Execution {
  /// The negative log-likelihood in nats of each target under softmax(x · headᵀ): f32 `[n]`; negative targets are
  /// ignored and give 0.
  ///
  /// With a tape, the gradient of `scale · Σ nll` (the mean over targets, where `scale` is 1/count) is put on it at once:
  /// the logits are computed a chunk at a time and never all held, so there is no second pass.
  public func crossEntropy(_ x: Tensor, head: Weight, targets: [Int32], scale: Float) throws
    -> Tensor
  {
    let tape = recording(x)
    let output = try backend.crossEntropy(
      x, head: head, targets: targets, gradient: tape == nil ? nil : scale, precision: precision)
    if let tape, let dx = output.dx { try tape.accumulate(dx, for: x) }
    return output.nll
  }
}

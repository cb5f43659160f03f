import CPUKernels

extension CPUBackend {
  public func divergence(_ logits: Tensor, from reference: Tensor, targets: [Int32]) throws
    -> Tensor
  {
    let name = "divergence"
    let (n, vocabulary) = (targets.count, logits.columns)
    try require(logits, name, "logits", rows: n, columns: nil)
    try require(reference, name, "reference", rows: n, columns: vocabulary)
    for target in targets where target < 0 || Int(target) >= vocabulary {
      throw ShapeMismatch(
        operation: name, expected: "targets below \(vocabulary)", found: "\(target)")
    }
    let result = try make([n, 4], .f32)
    let target = try result.floats(name)
    let (found, expected) = (try logits.floats(name), try reference.floats(name))
    let kernels = kernels
    parallelRows(n, width: vocabulary) { rows, _ in
      for row in rows {
        kernels.divergence(
          found + row * logits.rowStride, expected + row * reference.rowStride, Int(targets[row]),
          target + 4 * row, vocabulary)
      }
    }
    return result
  }
}

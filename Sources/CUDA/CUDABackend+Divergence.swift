import Tensor

extension CUDABackend {
  public func divergence(_ logits: Tensor, from reference: Tensor, targets: [Int32]) throws
    -> Tensor
  {
    let name = "divergence"
    let (n, vocabulary) = (targets.count, logits.columns)
    try check(logits, name, "logits", rows: n, columns: nil)
    try check(reference, name, "reference", rows: n, columns: vocabulary)
    for target in targets where target < 0 || Int(target) >= vocabulary {
      throw ShapeMismatch(
        operation: name, expected: "targets below \(vocabulary)", found: "\(target)")
    }
    let result = try make([n, 4], .f32)
    try launch(
      .crossEntropy, "divergence", grid: Extent(n), block: 512, logits, logits.stride,
      logits.dtype.code, reference, reference.stride, reference.dtype.code,
      try upload(targets, .i32, name), Int32(vocabulary), result)
    return result
  }
}

import Tensor

extension KernelSource {
  static let crossEntropy = KernelSource("cross_entropy", PackageResources.cross_entropy_cu)
}

extension CUDABackend {
  public func crossEntropy(
    _ x: Tensor, head: Weight, targets: [Int32], gradient: Float?, precision: Precision
  ) throws -> LossOutput {
    let name = "crossEntropy"
    let (n, width, vocabulary) = (x.rows, head.columns, head.rows)
    try check(x, name, "x", rows: targets.count, columns: width, .bf16)
    for target in targets where Int(target) >= vocabulary {
      throw ShapeMismatch(
        operation: name, expected: "targets below \(vocabulary)", found: "\(target)")
    }
    let arithmetic = LinearArithmetic(head, precision)
    let matrix = try factor(head, arithmetic.type, name)
    let wanted = try upload(targets, .i32, name)
    let nll = try make([n], .f32)
    if gradient == nil, arithmetic.type == .bf16 {
      let product = WideLinear(x: x, weight: matrix)
      if product.isServed(driver) {
        try losses(product, targets: wanted, into: nll, name)
        return LossOutput(nll: nll, dx: nil)
      }
    }
    let dx = try gradient.map { _ in try make([n, width], .bf16) }
    // Whole tiles of rows at a time, as many as the limit on logits allows.
    let height = max(1, min(n, max(128, limits.logits / 4 / max(vocabulary, 1) / 128 * 128)))
    let logits = try make([height, vocabulary], .f32)
    let slopes = try gradient.map { _ in try make([height, vocabulary], .bf16) }
    for start in stride(from: 0, to: n, by: height) {
      let rows = start..<min(start + height, n)
      let part = logits.rows(0..<rows.count)
      let input = try factor(x.rows(rows), arithmetic.type, name)
      try multiply(
        input.factor, matrix.transposed, into: part, arithmetic: arithmetic.products, name)
      let partSlopes = slopes?.rows(0..<rows.count)
      try launch(
        .crossEntropy, "cross_entropy", grid: Extent(rows.count), block: 512, part, part.stride,
        wanted.from(rows.lowerBound), Int32(vocabulary), nll.from(rows.lowerBound), partSlopes,
        partSlopes?.stride ?? 0, gradient ?? 0)
      if let dx, let partSlopes {
        let target = dx.rows(rows)
        if arithmetic.type == .bf16 {
          try multiply(partSlopes.factor, matrix.factor, into: target, name)
        } else {
          let wide = try make([rows.count, width], .f32)
          try multiply(
            try convert(partSlopes, to: .f32).factor, matrix.factor, into: wide,
            arithmetic: arithmetic.products, name)
          try convert(wide, into: target, name)
        }
      }
    }
    return LossOutput(nll: nll, dx: dx)
  }
}

extension Tensor {
  /// A vector from element `index` on.
  func from(_ index: Int) -> Tensor {
    Tensor(
      storage, shape: [count - index], dtype: dtype, offset: offset + index,
      rowStride: count - index)
  }
}

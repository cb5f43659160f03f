import CPUKernels

extension CPUBackend {
  /// Bytes of logits that exist at a time.
  static let logitBytes = 16 << 20

  public func crossEntropy(
    _ x: Tensor, head: Weight, targets: [Int32], gradient: Float?, precision: Precision
  ) throws -> LossOutput {
    let name = "crossEntropy"
    let (n, width, vocabulary) = (x.rows, head.columns, head.rows)
    try require(x, name, "x", rows: targets.count, columns: width)
    for target in targets where Int(target) >= vocabulary {
      throw ShapeMismatch(
        operation: name, expected: "targets below \(vocabulary)", found: "\(target)")
    }
    let nll = try make([n], .f32)
    let losses = try nll.floats(name)
    let dx = try gradient.map { _ in try make([n, width], .f32) }
    let dxs = try dx?.floats(name)
    let input = Factor(try x.floats(name), .f32, stride: x.rowStride)
    let height = max(1, min(n, Self.logitBytes / 4 / max(vocabulary, 1)))
    let logits = try make([height, vocabulary], .f32)
    let scores = try logits.floats(name)
    let kernels = kernels
    var start = 0
    while start < n {
      let (first, count) = (start, min(height, n - start))
      try eachPanel(of: head, as: .f32, name) { rows, panel in
        try multiply(
          m: count, n: rows.count, k: width, input.from(row: first, column: 0), panel.transpose,
          scores + rows.lowerBound, stride: vocabulary)
      }
      parallelRows(count, width: vocabulary * 4) { rows, _ in
        for row in rows {
          let line = scores + row * vocabulary
          let target = Int(targets[first + row])
          guard target >= 0 else {
            losses[first + row] = 0
            if gradient != nil { line.update(repeating: 0, count: vocabulary) }
            continue
          }
          let total = kernels.logSumExp(line, vocabulary)
          losses[first + row] = total - line[target]
          if let gradient {
            kernels.softmax(line, total, gradient, vocabulary)
            line[target] -= gradient
          }
        }
      }
      if let dxs {
        try eachPanel(of: head, as: .f32, name) { rows, panel in
          try multiply(
            m: count, n: width, k: rows.count,
            Factor(scores + rows.lowerBound, .f32, stride: vocabulary), panel,
            dxs + first * width, stride: width, beta: rows.lowerBound == 0 ? 0 : 1)
        }
      }
      start += count
    }
    return LossOutput(nll: nll, dx: dx)
  }
}

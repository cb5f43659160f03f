import CPUKernels

extension CPUBackend {
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
    let type = factorType(precision)
    let nll = try make([n], .f32)
    let losses = try nll.floats(name)
    let dx = try gradient.map { _ in try make([n, width], .f32) }
    let input = try factor(x, type, name)
    let pass = LossPass(
      x: input.factor, targets: targets, losses: losses, gradient: gradient,
      dx: try dx?.floats(name), width: width, vocabulary: vocabulary, type: type)
    if case .dense(let matrix) = head, matrix.dtype == type, matrix.shape.count == 2 {
      var weights = Factor(try matrix.bytes(name), type, stride: matrix.rowStride)
      weights.packed = head.forms
      // A thread takes a tile of rows from logits to gradient; the logits stay in its cache if they can.
      let most = max(16, limits.logits / 4 / max(vocabulary, 1) / threads / 16 * 16)
      let height = min(
        ProductTiles(rows: n, columns: 1, depth: width * 512, threads: threads).height, most, 128
      )
      // A head that lies as it is wanted comes as one panel.
      try eachPanel(of: head, as: type, rows: n, name) { _, panel in
        try parallelSteps((n + height - 1) / height) { task, workspace in
          let rows = task * height..<min((task + 1) * height, n)
          let scores = workspace.floats(0, rows.count * vocabulary)
          workspace.multiply(
            m: rows.count, n: vocabulary, k: width,
            input.factor.from(row: rows.lowerBound, column: 0), panel.transpose, scores,
            stride: vocabulary)
          let narrow =
            gradient != nil && type == .bf16 ? workspace.halves(1, rows.count * vocabulary) : nil
          for i in 0..<rows.count {
            pass.row(
              rows.lowerBound + i, scores + i * vocabulary, narrow.map { $0 + i * vocabulary },
              kernels)
          }
          if let target = pass.dx {
            let slopes =
              narrow.map { Factor($0, .bf16, stride: vocabulary) }
              ?? Factor(scores, .f32, stride: vocabulary)
            workspace.multiply(
              m: rows.count, n: width, k: vocabulary, slopes, weights,
              target + rows.lowerBound * width, stride: width)
          }
        }
      }
    } else {
      try pass.inPanels(head, n, self)
    }
    withExtendedLifetime(input.tensor) {}
    return LossOutput(nll: nll, dx: dx)
  }
}

/// One call of `crossEntropy`.
private struct LossPass {
  let x: Factor
  let targets: [Int32]
  let losses: UnsafeMutablePointer<Float>
  let gradient: Float?
  let dx: UnsafeMutablePointer<Float>?
  let width: Int
  let vocabulary: Int
  let type: DType

  /// From a row of logits to its loss, and with a gradient to the loss's slopes, in place or as bf16 in `narrow`.
  func row(
    _ row: Int, _ logits: UnsafeMutablePointer<Float>, _ narrow: UnsafeMutablePointer<UInt16>?,
    _ kernels: any Kernels.Type
  ) {
    let target = Int(targets[row])
    if target < 0 {
      losses[row] = 0
      guard gradient != nil else { return }
      if let narrow { narrow.update(repeating: 0, count: vocabulary) }
      logits.update(repeating: 0, count: vocabulary)
      return
    }
    let total = kernels.logSumExp(logits, vocabulary)
    losses[row] = total - logits[target]
    guard let gradient else { return }
    var own: Float = 0
    withUnsafeMutablePointer(to: &own) {
      kernels.softmax(logits + target, total, gradient, .floats($0), 1)
    }
    own -= gradient
    if let narrow {
      kernels.softmax(logits, total, gradient, .halves(narrow), vocabulary)
      kernels.narrowToBF16(&own, 1, narrow + target, 1)
    } else {
      kernels.softmax(logits, total, gradient, .floats(logits), vocabulary)
      logits[target] = own
    }
  }

  /// For heads that have to be converted: a chunk of rows meets the head a panel at a time, all threads together.
  func inPanels(_ head: Weight, _ n: Int, _ backend: CPUBackend) throws {
    let name = "crossEntropy"
    let height = max(1, min(n, backend.limits.logits / 4 / max(vocabulary, 1)))
    let logits = try backend.make([height, vocabulary], .f32)
    let scores = try logits.floats(name)
    let slopes = try type == .bf16 && gradient != nil ? backend.make(logits.shape, type) : logits
    let slopeBytes = try slopes.bytes(name)
    let narrow = slopes.dtype == .bf16 ? slopeBytes.assumingMemoryBound(to: UInt16.self) : nil
    let kernels = backend.kernels
    var start = 0
    while start < n {
      let (first, count) = (start, min(height, n - start))
      try backend.eachPanel(of: head, as: type, name) { rows, panel in
        backend.multiply(
          m: count, n: rows.count, k: width, x.from(row: first, column: 0), panel.transpose,
          scores + rows.lowerBound, stride: vocabulary)
      }
      backend.parallelRows(count, width: vocabulary * 4) { rows, _ in
        for i in rows {
          row(first + i, scores + i * vocabulary, narrow.map { $0 + i * vocabulary }, kernels)
        }
      }
      if let dx {
        try backend.eachPanel(of: head, as: type, name) { rows, panel in
          backend.multiply(
            m: count, n: width, k: rows.count,
            Factor(slopeBytes, slopes.dtype, stride: vocabulary)
              .from(row: 0, column: rows.lowerBound), panel, dx + first * width, stride: width,
            beta: rows.lowerBound == 0 ? 0 : 1)
        }
      }
      start += count
    }
    withExtendedLifetime((logits, slopes)) {}
  }
}

import CPUKernels

extension CPUBackend {
  public func masked(
    _ x: Tensor, by mask: RandomStream, dropout: Float, survivors: Float, hidden: Float
  ) throws -> Tensor {
    let name = "masked"
    let width = x.columns
    let source = try RowSource(.dense(x), name)
    let result = try make([x.rows, width], x.dtype == .bf16 ? .bf16 : .f32)
    let target = try result.bytes(name)
    let term = DropoutMask(key: mask.key, threshold: AdapterTerm.threshold(dropout: dropout))
    let kernels = kernels
    parallelRows(x.rows, width: width) { rows, workspace in
      let values = workspace.floats(0, width)
      let scratch = workspace.floats(1, width)
      for row in rows {
        let index = UInt32(truncatingIfNeeded: row * width)
        source.write(row: row, values, as: .f32, kernels)
        kernels.scale(values, hidden, scratch, width)
        kernels.addSurvivors(values, survivors - hidden, term, index, scratch, width)
        let place = target + row * width * result.dtype.size
        if result.dtype == .bf16 {
          kernels.narrowToBF16(scratch, 1, place.assumingMemoryBound(to: UInt16.self), width)
        } else {
          place.copyMemory(from: scratch, byteCount: 4 * width)
        }
      }
    }
    return result
  }

  public func columnDots(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    let name = "columnDots"
    let width = a.columns
    try require(
      b.shape == a.shape, name, expected: "two of one shape", found: "\(a.summary), \(b.summary)")
    let (first, second) = (try RowSource(.dense(a), name), try RowSource(.dense(b), name))
    // Some rows to a task, whose sums are added in order: the same on any number of threads.
    let most = 64
    let parts = max(1, (a.rows + most - 1) / most)
    let partial = try make([parts, width], .f32)
    let sums = try partial.floats(name)
    let kernels = kernels
    parallel(parts) { part, workspace in
      let (x, y) = (workspace.floats(0, width), workspace.floats(1, width))
      let total = sums + part * width
      total.update(repeating: 0, count: width)
      for row in part * most..<min((part + 1) * most, a.rows) {
        first.write(row: row, x, as: .f32, kernels)
        second.write(row: row, y, as: .f32, kernels)
        for column in 0..<width { total[column] += x[column] * y[column] }
      }
    }
    for part in 1..<max(parts, 1) { kernels.add(sums, sums + part * width, sums, width) }
    return partial.rows(0..<1).reshaped([width])
  }

  public func rowNorms(_ matrix: Tensor) throws -> Tensor {
    let name = "rowNorms"
    let width = matrix.columns
    let source = try RowSource(.dense(matrix), name)
    let result = try make([matrix.rows], .f32)
    let target = try result.floats(name)
    let kernels = kernels
    parallelRows(matrix.rows, width: width) { rows, workspace in
      let values = workspace.floats(0, width)
      for row in rows {
        source.write(row: row, values, as: .f32, kernels)
        target[row] = Float(kernels.sumOfSquares(values, width).squareRoot())
      }
    }
    return result
  }
}

extension CPUBackend {
  public func requantize(_ matrix: PackedMatrix, adding delta: Tensor) throws -> PackedMatrix {
    let name = "requantize"
    try require(delta, name, "delta", rows: matrix.rows, columns: matrix.columns)
    let row = try GridRow(matrix, index: try matrix.groupIndex.map(read))
    let (bytes, groups) = (matrix.codes.columns, matrix.scales.columns)
    let codes = try make(matrix.codes.shape, .u8)
    let target = try codes.bytes(name).assumingMemoryBound(to: UInt8.self)
    let source = try matrix.codes.bytes(name).assumingMemoryBound(to: UInt8.self)
    let stride = matrix.codes.rowStride
    let scaleBytes = try matrix.scales.bytes(name)
    let zeroBytes = try matrix.zeros.map { try $0.bytes(name) }
    let change = try delta.floats(name)
    let kernels = kernels
    parallelRows(matrix.rows, width: matrix.columns) { rows, workspace in
      let scales = workspace.floats(0, groups)
      let zeros = workspace.floats(1, groups)
      if zeroBytes == nil {
        zeros.update(repeating: Float(matrix.grid.midpoint), count: groups)
      }
      for place in rows {
        let type = matrix.scales.dtype
        Self.widen(
          scaleBytes + place * matrix.scales.rowStride * type.size, type, scales, groups, kernels)
        if let zeroBytes, let tensor = matrix.zeros {
          Self.widen(zeroBytes + place * tensor.rowStride, .u8, zeros, groups, kernels)
        }
        let output = target + place * bytes
        output.update(repeating: 0, count: bytes)
        row.requantize(
          source + place * stride, scales: scales, zeros: zeros,
          adding: change + place * delta.rowStride, into: output)
      }
    }
    return matrix.replacing(codes: codes)
  }
}

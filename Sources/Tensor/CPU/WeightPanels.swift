import CPUKernels
import Runtime

extension CPUBackend {
  /// Calls `body` with the weight's rows as a factor `[rows, in]`, a panel of rows at a time: all rows at once where they
  /// are stored in the wanted type, else converted into a workspace.
  ///
  /// - Parameter count: Rows that are multiplied with the weight's transpose. Where they are many, the factor lies
  ///   transposed if it is f32 and small: reading it row by row then saves more than laying it out costs.
  /// - Throws: `Cancelled` between panels, and what `body` throws.
  func eachPanel(
    of weight: Weight, as type: DType, rows count: Int = 0, _ operation: String,
    _ body: (Range<Int>, Factor) throws -> Void
  ) throws {
    let forms = weight.forms
    if forms == nil, count >= Self.manyRows, type == .f32,
      panelHeight(weight, as: type) == weight.rows
    {
      let turned = try transposed(weight, operation)
      try body(
        0..<weight.rows,
        Factor(try turned.bytes(operation), type, stride: turned.rowStride, transposed: true))
      withExtendedLifetime(turned) {}
      return
    }
    if case .dense(let tensor) = weight, tensor.dtype == type {
      var factor = Factor(try tensor.bytes(operation), type, stride: tensor.rowStride)
      factor.packed = forms
      try body(0..<tensor.rows, factor)
      return
    }
    let columns = weight.columns
    let height = panelHeight(weight, as: type)
    let panel = try make([height, columns], type)
    let target = try panel.bytes(operation)
    let source = try RowSource(weight, operation)
    let kernels = kernels
    var start = 0
    while start < weight.rows {
      try Interrupt.check()
      let end = min(start + height, weight.rows)
      let first = start
      parallelRows(end - start, width: columns) { rows, _ in
        for row in rows {
          source.write(
            row: first + row, target + row * columns * type.size, as: type, kernels)
        }
      }
      try body(start..<end, Factor(target, type, stride: columns))
      start = end
    }
  }

  /// Rows from which on a weight is worth transposing.
  private static let manyRows = 512

  /// The weight as f32 `[in, out]`.
  private func transposed(_ weight: Weight, _ operation: String) throws -> Tensor {
    if case .dense(let tensor) = weight, tensor.dtype == .f32 {
      return try transposed(tensor, factor: 1)
    }
    let (rows, columns) = (weight.rows, weight.columns)
    let result = try transposedRoom(rows: rows, columns: columns)
    let (target, stride) = (try result.floats(operation), result.rowStride)
    let source = try RowSource(weight, operation)
    let strips = (0..<rows).parts(of: 16)
    parallelRows(strips.count, width: 16 * columns) { range, workspace in
      let scratch = workspace.floats(0, 16 * columns)
      for strip in range {
        let part = strips[strip]
        for row in part {
          source.write(
            row: row, scratch + (row - part.lowerBound) * columns, as: .f32, workspace.kernels)
        }
        workspace.kernels.transpose(
          scratch, columns, part.count, columns, 1, target + part.lowerBound, stride)
      }
    }
    return result
  }

  /// Room for the transpose of an f32 `[rows, columns]`. Long rows lie an odd number of cache lines apart: products read a few
  /// columns of all of them, which at a distance of a power of two would share few lines of the cache.
  private func transposedRoom(rows: Int, columns: Int) throws -> Tensor {
    guard rows >= 256 else { return try make([columns, rows], .f32) }
    return try make([columns, ((rows + 15) / 16 | 1) * 16], .f32).columns(0..<rows)
  }

  /// The transpose of an f32 matrix, times `factor`; its rows may lie further apart than they are long.
  func transposed(_ matrix: Tensor, factor: Float) throws -> Tensor {
    let (rows, columns, stride) = (matrix.rows, matrix.columns, matrix.rowStride)
    let result = try transposedRoom(rows: rows, columns: columns)
    let (source, target) = (try matrix.floats("transpose"), try result.floats("transpose"))
    let strips = (0..<rows).parts(of: 16)
    parallelRows(strips.count, width: 16 * columns) { range, workspace in
      for strip in range {
        let part = strips[strip]
        workspace.kernels.transpose(
          source + part.lowerBound * stride, stride, part.count, columns, factor,
          target + part.lowerBound, result.rowStride)
      }
    }
    return result
  }

  private func panelHeight(_ weight: Weight, as type: DType) -> Int {
    max(1, min(weight.rows, limits.panel / max(weight.columns * type.size, 1)))
  }

  /// Whether `eachPanel` gives all rows at once.
  func isOnePanel(_ weight: Weight, as type: DType) -> Bool {
    if case .dense(let tensor) = weight, tensor.dtype == type { return true }
    return panelHeight(weight, as: type) == weight.rows
  }

  public func dequantize(_ matrix: PackedMatrix) throws -> Tensor {
    let result = try make([matrix.rows, matrix.columns], .f32)
    let target = try result.floats("dequantize")
    let source = try RowSource(.packed(matrix), "dequantize")
    let kernels = kernels
    parallelRows(matrix.rows, width: matrix.columns) { rows, _ in
      for row in rows { source.write(row: row, target + row * matrix.columns, as: .f32, kernels) }
    }
    return result
  }
}

/// Rows of a weight in the type that a product wants.
struct RowSource {
  private enum Kind {
    case dense(UnsafeRawPointer, DType, stride: Int)
    case packed(
      PackedRow, bytesPerRow: Int, groups: Int, scaleSize: Int)
  }
  private let kind: Kind
  private let columns: Int

  /// - Throws: `ShapeMismatch` where the parts of a packed matrix do not fit together.
  init(_ weight: Weight, _ operation: String) throws {
    columns = weight.columns
    switch weight {
    case .dense(let tensor):
      try require(
        tensor.dtype.isFloat && tensor.shape.count == 2, operation,
        expected: "a float weight [out, in]", found: tensor.summary)
      kind = .dense(try tensor.bytes(operation), tensor.dtype, stride: tensor.rowStride)
    case .packed(let matrix):
      let grid = matrix.grid
      let groups = grid.groups(columns: matrix.columns)
      let bytesPerRow = PackedMatrix.bytesPerRow(columns: matrix.columns, bits: grid.bits)
      try require(
        [2, 3, 4, 8].contains(grid.bits) && (grid.group ?? 1) > 0, operation,
        expected: "2, 3, 4 or 8 bits and a group of at least one", found: "\(grid)")
      try require(
        matrix.codes.dtype == .u8 && matrix.codes.count == matrix.rows * bytesPerRow
          && matrix.codes.isContiguous, operation,
        expected: "codes u8 [\(matrix.rows), \(bytesPerRow)]", found: matrix.codes.summary)
      try require(
        (matrix.scales.dtype == .f32 || matrix.scales.dtype == .f16)
          && matrix.scales.count == matrix.rows * groups && matrix.scales.isContiguous, operation,
        expected: "scales f32 or f16 [\(matrix.rows), \(groups)]", found: matrix.scales.summary)
      if let zeros = matrix.zeros {
        try require(
          zeros.dtype == .u8 && zeros.count == matrix.rows * groups && zeros.isContiguous,
          operation, expected: "zeros u8 [\(matrix.rows), \(groups)]", found: zeros.summary)
      }
      var index: UnsafePointer<Int32>?
      if let tensor = matrix.groupIndex {
        let entries = UnsafePointer(
          try tensor.bytes(operation).assumingMemoryBound(to: Int32.self))
        try require(
          tensor.dtype == .i32 && tensor.count == matrix.columns
            && (0..<tensor.count).allSatisfy { entries[$0] >= 0 && Int(entries[$0]) < groups },
          operation, expected: "group index i32 [\(matrix.columns)] below \(groups)",
          found: tensor.summary)
        index = entries
      }
      let row = PackedRow(
        codes: UnsafePointer(
          try matrix.codes.bytes(operation).assumingMemoryBound(to: UInt8.self)),
        bits: grid.bits, columns: matrix.columns, group: grid.width(columns: matrix.columns),
        scales: try matrix.scales.bytes(operation), halfScales: matrix.scales.dtype == .f16,
        zeros: try matrix.zeros.map {
          UnsafePointer(try $0.bytes(operation).assumingMemoryBound(to: UInt8.self))
        },
        midpoint: grid.midpoint, groupIndex: index)
      kind = .packed(
        row, bytesPerRow: bytesPerRow, groups: groups, scaleSize: matrix.scales.dtype.size)
    }
  }

  /// Row `row` of a packed matrix.
  func packedRow(_ row: Int) -> PackedRow? {
    guard case .packed(var packed, let bytesPerRow, let groups, let scaleSize) = kind else {
      return nil
    }
    packed.codes += row * bytesPerRow
    packed.scales += row * groups * scaleSize
    packed.zeros = packed.zeros.map { $0 + row * groups }
    return packed
  }

  /// The dot product of a row with `x`, f32 `[columns]`. `again` says that the same row was asked for just before, by the
  /// same thread.
  func dot(
    row: Int, _ x: UnsafePointer<Float>, _ kernels: any Kernels.Type, _ workspace: Workspace,
    again: Bool
  ) -> Float {
    switch kind {
    case .dense(let base, let dtype, let stride):
      let address = base + row * stride * dtype.size
      switch dtype {
      case .f32: return kernels.dot(x, address.assumingMemoryBound(to: Float.self), columns)
      case .bf16: return kernels.dotBF16(x, address.assumingMemoryBound(to: UInt16.self), columns)
      default: return kernels.dotF16(x, address.assumingMemoryBound(to: UInt16.self), columns)
      }
    case .packed:
      let weights = workspace.floats(0, columns)
      if !again { write(row: row, weights, as: .f32, kernels) }
      return kernels.dot(x, weights, columns)
    }
  }

  /// Writes a row as f32 or bf16.
  func write(
    row: Int, _ target: UnsafeMutableRawPointer, as type: DType, _ kernels: any Kernels.Type
  ) {
    if let packed = packedRow(row) {
      if type == .bf16 {
        kernels.dequantizeToBF16(packed, target.assumingMemoryBound(to: UInt16.self))
      } else {
        kernels.dequantize(packed, target.assumingMemoryBound(to: Float.self))
      }
      return
    }
    guard case .dense(let base, let dtype, let stride) = kind else { return }
    let source = base + row * stride * dtype.size
    if type == dtype {
      target.copyMemory(from: source, byteCount: columns * dtype.size)
    } else if type == .f32 {
      CPUBackend.widen(source, dtype, target.assumingMemoryBound(to: Float.self), columns, kernels)
    } else if dtype == .f32 {
      kernels.narrowToBF16(
        source.assumingMemoryBound(to: Float.self), 1, target.assumingMemoryBound(to: UInt16.self),
        columns)
    } else {
      // f16 to bf16, a few vectors at a time.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { part in
        guard let floats = part.baseAddress else { return }
        var j = 0
        while j < columns {
          let count = min(256, columns - j)
          CPUBackend.widen(source + j * dtype.size, dtype, floats, count, kernels)
          kernels.narrowToBF16(floats, 1, target.assumingMemoryBound(to: UInt16.self) + j, count)
          j += count
        }
      }
    }
  }
}

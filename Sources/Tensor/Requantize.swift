/// Moving the codes of a packed row on its own grid: scales and zero points stay.
struct GridRow {
  let columns: Int
  let bits: Int
  /// The largest code.
  let maximum: Float
  /// The group of each column.
  let groups: [Int32]

  /// - Throws: `ShapeMismatch` where a column's group does not exist.
  init(_ matrix: PackedMatrix, index: [Float]?) throws {
    columns = matrix.columns
    bits = matrix.grid.bits
    maximum = Float(matrix.grid.maximum)
    let width = matrix.grid.width(columns: matrix.columns)
    groups = index.map { $0.map { Int32($0) } } ?? (0..<columns).map { Int32($0 / width) }
    let count = matrix.scales.columns
    guard groups.count == columns, groups.allSatisfy({ 0..<count ~= Int($0) }) else {
      throw ShapeMismatch(
        operation: "requantize", expected: "a group below \(count) for every column",
        found: "groups up to \(groups.max() ?? 0) for \(groups.count) columns")
    }
  }

  /// The codes nearest to what `codes` stand for plus `delta`, ties to even.
  ///
  /// - Parameters:
  ///   - scales: Of the row's groups.
  ///   - zeros: The zero points of the row's groups.
  ///   - target: The new codes, all bits 0.
  func requantize(
    _ codes: UnsafePointer<UInt8>, scales: UnsafePointer<Float>, zeros: UnsafePointer<Float>,
    adding delta: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt8>
  ) {
    groups.withUnsafeBufferPointer { groups in
      let mask = UInt16(maximum)
      for column in 0..<columns {
        let group = Int(groups[column])
        let (byte, shift) = ((column &* bits) >> 3, (column &* bits) & 7)
        // A code of 3 bits may reach into the next byte.
        let reaches = shift + bits > 8
        var window = UInt16(codes[byte])
        if reaches { window |= UInt16(codes[byte + 1]) << 8 }
        let old = Float(window >> UInt16(shift) & mask)
        var new = old
        let (scale, zero) = (scales[group], zeros[group])
        if scale != 0 {
          let exact = (old - zero) + delta[column] / scale
          // What is no number leaves the code alone; the model would show it at once.
          if !exact.isNaN { new = min(max(exact.rounded(.toNearestOrEven) + zero, 0), maximum) }
        }
        let packed = UInt16(new) << UInt16(shift)
        target[byte] |= UInt8(truncatingIfNeeded: packed)
        if reaches { target[byte + 1] |= UInt8(packed >> 8) }
      }
    }
  }
}

extension Backend {
  public func requantize(_ matrix: PackedMatrix, adding delta: Tensor) throws -> PackedMatrix {
    try hostRequantize(matrix, adding: delta)
  }

  /// On the host, for backends that have nothing faster.
  func hostRequantize(_ matrix: PackedMatrix, adding delta: Tensor) throws -> PackedMatrix {
    guard delta.rows == matrix.rows, delta.columns == matrix.columns else {
      throw ShapeMismatch(
        operation: "requantize", expected: "delta [\(matrix.rows), \(matrix.columns)]",
        found: delta.summary)
    }
    let row = try GridRow(matrix, index: try matrix.groupIndex.map(read))
    let codes = try read(matrix.codes).map { UInt8($0) }
    let (scales, change) = (try read(matrix.scales), try read(delta))
    let zeros =
      try matrix.zeros.map(read)
      ?? [Float](repeating: Float(matrix.grid.midpoint), count: scales.count)
    let (bytes, groups, columns) = (matrix.codes.columns, matrix.scales.columns, matrix.columns)
    let storage = HostStorage(byteCount: codes.count)
    if let target = storage.host?.assumingMemoryBound(to: UInt8.self) {
      target.update(repeating: 0, count: codes.count)
      codes.withUnsafeBufferPointer { codes in
        scales.withUnsafeBufferPointer { scales in
          zeros.withUnsafeBufferPointer { zeros in
            change.withUnsafeBufferPointer { change in
              guard let codes = codes.baseAddress, let scales = scales.baseAddress,
                let zeros = zeros.baseAddress, let change = change.baseAddress
              else { return }
              for place in 0..<matrix.rows {
                row.requantize(
                  codes + place * bytes, scales: scales + place * groups,
                  zeros: zeros + place * groups, adding: change + place * columns,
                  into: target + place * bytes)
              }
            }
          }
        }
      }
    }
    return matrix.replacing(
      codes: try place(Tensor(storage, shape: matrix.codes.shape, dtype: .u8)))
  }
}

extension PackedMatrix {
  /// Other codes on the same grid.
  func replacing(codes: Tensor) -> PackedMatrix {
    PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: codes, scales: scales, zeros: zeros,
      groupIndex: groupIndex)
  }
}

import Tensor

/// A quantized matrix whose codes are changed row by row on its own grid: scales and zero points stay.
struct Requantizer {
  let matrix: PackedMatrix
  private let backend: any Backend
  /// The group of each column.
  private let groups: [Int]
  /// The new codes, all rows.
  private var bytes: [UInt8] = []

  init(_ matrix: PackedMatrix, backend: any Backend) throws {
    self.matrix = matrix
    self.backend = backend
    let width = matrix.grid.width(columns: matrix.columns)
    groups =
      try matrix.groupIndex.map { try backend.read($0).map { Int($0) } }
      ?? (0..<matrix.columns).map { $0 / width }
    guard groups.count == matrix.columns, groups.allSatisfy({ 0..<matrix.scales.columns ~= $0 })
    else {
      throw ShapeMismatch(
        operation: "merge", expected: "a group below \(matrix.scales.columns) for every column",
        found: "groups up to \(groups.max() ?? 0) for \(groups.count) columns")
    }
    bytes.reserveCapacity(matrix.codes.count)
  }

  /// What a block of rows was and became, f32 row by row.
  struct Change {
    var before: [Float]
    var after: [Float]
    /// The step of the grid at each weight.
    var step: [Float]
  }

  /// Rounds the next rows plus `delta` to the nearest codes, ties to even. Blocks of rows come in order.
  mutating func round(_ rows: Range<Int>, adding delta: [Float]) throws -> Change {
    let grid = matrix.grid
    let columns = matrix.columns
    let codes = try backend.read(matrix.codes.rows(rows))
    let scales = try backend.read(matrix.scales.rows(rows))
    let zeros = try matrix.zeros.map { try backend.read($0.rows(rows)) }
    let (bytesPerRow, groupsPerRow) = (matrix.codes.columns, matrix.scales.columns)
    let (bits, maximum) = (grid.bits, Float(grid.maximum))
    var change = Change(
      before: .init(repeating: 0, count: delta.count),
      after: .init(repeating: 0, count: delta.count),
      step: .init(repeating: 0, count: delta.count))
    for row in 0..<rows.count {
      var line = [UInt8](repeating: 0, count: bytesPerRow)
      for column in 0..<columns {
        let place = row * columns + column
        let group = row * groupsPerRow + groups[column]
        let scale = scales[group]
        let zero = zeros?[group] ?? Float(grid.midpoint)
        let (byte, shift) = (column * bits / 8, column * bits % 8)
        // A code of 3 bits may reach into the next byte.
        var window = UInt16(codes[row * bytesPerRow + byte])
        if shift + bits > 8 { window |= UInt16(codes[row * bytesPerRow + byte + 1]) << 8 }
        let old = Float(window >> shift & UInt16(grid.maximum))
        var new = old
        if scale != 0 {
          let exact = (old - zero) + delta[place] / scale
          // What is no number leaves the code alone; the model would show it at once.
          if !exact.isNaN { new = min(max(exact.rounded(.toNearestOrEven) + zero, 0), maximum) }
        }
        let packed = UInt16(new) << shift
        line[byte] |= UInt8(truncatingIfNeeded: packed)
        if shift + bits > 8 { line[byte + 1] |= UInt8(packed >> 8) }
        change.before[place] = (old - zero) * scale
        change.after[place] = (new - zero) * scale
        change.step[place] = abs(scale)
      }
      bytes += line
    }
    return change
  }

  /// The matrix with the new codes, once all rows were rounded.
  func finished() throws -> PackedMatrix {
    let storage = HostStorage(byteCount: bytes.count)
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress, let to = storage.host {
        to.copyMemory(from: from, byteCount: source.count)
      }
    }
    return PackedMatrix(
      rows: matrix.rows, columns: matrix.columns, grid: matrix.grid,
      codes: try backend.place(Tensor(storage, shape: matrix.codes.shape, dtype: .u8)),
      scales: matrix.scales, zeros: matrix.zeros, groupIndex: matrix.groupIndex)
  }
}

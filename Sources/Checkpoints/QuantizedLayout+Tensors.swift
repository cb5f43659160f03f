import Tensor

extension QuantizedLayout {
  /// The quantized weight of `module`, in host memory: codes over the file's own bytes. Nil where the checkpoint holds
  /// no codes for the module.
  ///
  /// - Throws: `BadCheckpoint` where a tensor's shape, type or contents do not fit.
  public func matrix(_ module: String, in checkpoint: Checkpoint, rows: Int, columns: Int) throws
    -> PackedMatrix?
  {
    let codesName = "\(module).qweight"
    guard checkpoint.info(codesName) != nil else { return nil }
    let rounding = rounding(of: module)
    func bad(_ name: String, _ reason: String) -> BadCheckpoint {
      BadCheckpoint(path: checkpoint.path(of: name), tensor: name, reason: reason)
    }
    func tensor(_ name: String, _ types: [DType], _ shape: [Int]) throws -> Tensor {
      let tensor = try checkpoint.tensor(name)
      guard types.contains(tensor.dtype), tensor.shape == shape else {
        let names = types.map(TensorInfo.name).joined(separator: " or ")
        throw bad(
          name,
          "expected \(names) \(shape), found \(TensorInfo.name(of: tensor.dtype)) \(tensor.shape)")
      }
      return tensor
    }
    if method == .olive, let group = rounding.group, columns % group != 0 {
      throw bad(codesName, "its \(columns) columns are no multiple of the group size \(group)")
    }
    var grid = Grid(bits: rounding.bits, group: rounding.group, symmetric: rounding.symmetric)
    let groups = grid.groups(columns: columns)
    let codes = try tensor(
      codesName, [.u8],
      [rows, PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)])
    let stored = try tensor("\(module).scales", [.f32, .f16, .bf16], [rows, groups])
    let scales = try QuantizedLayout.scales(stored) { bad("\(module).scales", $0) }
    grid.scaleType = scales.dtype
    var zeros: Tensor?
    if !grid.symmetric {
      let packed = try tensor(
        "\(module).qzeros", [.u8],
        [rows, PackedMatrix.bytesPerRow(columns: groups, bits: grid.bits)])
      zeros = Bits.unpack(packed, columns: groups, bits: grid.bits)
    }
    var index: Tensor?
    if checkpoint.info("\(module).g_idx") != nil {
      let name = "\(module).g_idx"
      let groupIndex = try tensor(name, [.i32], [columns])
      if let host = groupIndex.host?.assumingMemoryBound(to: Int32.self) {
        for column in 0..<columns where !(0..<Int32(groups)).contains(host[column]) {
          throw bad(name, "column \(column) has the group \(host[column]) of \(groups)")
        }
      }
      index = groupIndex
    }
    return PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: codes, scales: scales, zeros: zeros,
      groupIndex: index)
  }

  /// Scales as they are, bf16 ones as f32; all of them finite.
  private static func scales(_ stored: Tensor, bad: (String) -> BadCheckpoint) throws -> Tensor {
    guard let host = stored.host else { return stored }
    let count = stored.count
    func infinite() -> BadCheckpoint { bad("holds values that are not finite") }
    switch stored.dtype {
    case .f32:
      let bits = host.assumingMemoryBound(to: UInt32.self)
      for place in 0..<count where bits[place] & 0x7F80_0000 == 0x7F80_0000 { throw infinite() }
      return stored
    case .f16:
      let bits = host.assumingMemoryBound(to: UInt16.self)
      for place in 0..<count where bits[place] & 0x7C00 == 0x7C00 { throw infinite() }
      return stored
    default:
      let bits = host.assumingMemoryBound(to: UInt16.self)
      let wide = HostStorage(byteCount: count * 4)
      if let target = wide.host?.assumingMemoryBound(to: UInt32.self) {
        for place in 0..<count {
          if bits[place] & 0x7F80 == 0x7F80 { throw infinite() }
          target[place] = UInt32(bits[place]) << 16
        }
      }
      return Tensor(wide, shape: stored.shape, dtype: .f32)
    }
  }

  /// The tensors of a quantized module, as the layout stores them.
  public static func sources(_ module: String, _ matrix: PackedMatrix, backend: any Backend)
    -> [TensorSource]
  {
    var sources = [
      TensorSource(name: "\(module).qweight", matrix.codes, backend: backend),
      TensorSource(name: "\(module).scales", matrix.scales, backend: backend),
    ]
    if let zeros = matrix.zeros {
      let bits = matrix.grid.bits
      let width = PackedMatrix.bytesPerRow(columns: zeros.columns, bits: bits)
      sources.append(
        TensorSource(name: "\(module).qzeros", dtype: .u8, shape: [zeros.rows, width]) { sink in
          try sink.write(Bits.pack(zeros, bits: bits, backend: backend))
        })
    }
    if let index = matrix.groupIndex {
      sources.append(TensorSource(name: "\(module).g_idx", index, backend: backend))
    }
    return sources
  }
}

/// Rows of small numbers as little-endian bit streams.
enum Bits {
  /// u8 `[rows, bytes]` → u8 `[rows, columns]`, one number a byte.
  static func unpack(_ packed: Tensor, columns: Int, bits: Int) -> Tensor {
    if bits == 8 { return packed }
    let rows = packed.rows
    let storage = HostStorage(byteCount: rows * columns)
    let mask = UInt16(1 << bits) - 1
    if let source = packed.host?.assumingMemoryBound(to: UInt8.self),
      let target = storage.host?.assumingMemoryBound(to: UInt8.self)
    {
      for row in 0..<rows {
        let line = source + row * packed.rowStride
        for column in 0..<columns {
          let bit = column * bits
          var word = UInt16(line[bit / 8])
          if bit % 8 + bits > 8 { word |= UInt16(line[bit / 8 + 1]) << 8 }
          target[row * columns + column] = UInt8(truncatingIfNeeded: word >> UInt16(bit % 8) & mask)
        }
      }
    }
    return Tensor(storage, shape: [rows, columns], dtype: .u8)
  }

  /// u8 `[rows, columns]`, one number a byte → the bytes of all rows, packed.
  static func pack(_ numbers: Tensor, bits: Int, backend: any Backend) throws -> [UInt8] {
    let (rows, columns) = (numbers.rows, numbers.columns)
    let width = PackedMatrix.bytesPerRow(columns: columns, bits: bits)
    let bytes: [UInt8]
    if let host = numbers.host?.assumingMemoryBound(to: UInt8.self) {
      bytes = (0..<rows).flatMap { row in
        UnsafeBufferPointer(start: host + row * numbers.rowStride, count: columns)
      }
    } else {
      bytes = HostBytes.of(try backend.read(numbers), as: .u8)
    }
    var packed = [UInt8](repeating: 0, count: rows * width)
    for row in 0..<rows {
      for column in 0..<columns {
        let bit = column * bits
        let word = UInt16(bytes[row * columns + column]) << UInt16(bit % 8)
        packed[row * width + bit / 8] |= UInt8(truncatingIfNeeded: word)
        if word > 0xFF { packed[row * width + bit / 8 + 1] |= UInt8(truncatingIfNeeded: word >> 8) }
      }
    }
    return packed
  }
}

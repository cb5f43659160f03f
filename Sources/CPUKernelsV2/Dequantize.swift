import CPUKernels

/// The code of column `j` in a little-endian bit stream. A code of 2, 4 or 8 bits lies in one byte; one of 3 may reach
/// into the next, which then belongs to the row too.
@inline(__always)
func code(_ codes: UnsafePointer<UInt8>, _ j: Int, _ width: Int) -> Int {
  let bit = j &* width
  let byte = bit &>> 3
  let shift = bit & 7
  var window = Int(codes[byte])
  if shift + width > 8 { window |= Int(codes[byte + 1]) &<< 8 }
  return (window &>> shift) & ((1 &<< width) - 1)
}

@inline(__always)
func groupScale(_ row: PackedRow, _ group: Int) -> Float {
  if row.halfScales {
    let half = row.scales.loadUnaligned(fromByteOffset: 2 * group, as: UInt16.self)
    return widenedF16(SIMD16(repeating: half))[0]
  }
  return row.scales.loadUnaligned(fromByteOffset: 4 * group, as: Float.self)
}

@inline(__always)
func groupZero(_ row: PackedRow, _ group: Int) -> Int {
  row.zeros.map { Int($0[group]) } ?? row.midpoint
}

extension CompiledKernels {
  public static func dequantize(_ row: PackedRow, _ y: MutableFloats) {
    if let index = row.groupIndex {
      for j in 0..<row.columns {
        let group = Int(index[j])
        y[j] = Float(code(row.codes, j, row.bits) - groupZero(row, group)) * groupScale(row, group)
      }
      return
    }
    var group = 0
    var start = 0
    while start < row.columns {
      let end = min(start + row.group, row.columns)
      let (s, z) = (groupScale(row, group), groupZero(row, group))
      for j in start..<end { y[j] = Float(code(row.codes, j, row.bits) - z) * s }
      start = end
      group += 1
    }
  }

  public static func dequantizeToBF16(_ row: PackedRow, _ y: MutableHalves) {
    var group = 0
    var start = 0
    while start < row.columns {
      let end = row.groupIndex == nil ? min(start + row.group, row.columns) : start + 1
      if let index = row.groupIndex { group = Int(index[start]) }
      let (s, z) = (groupScale(row, group), groupZero(row, group))
      for j in start..<end {
        let weight = Float(code(row.codes, j, row.bits) - z) * s
        y[j] = narrowedBF16(splat(weight))[0]
      }
      start = end
      group += 1
    }
  }
}

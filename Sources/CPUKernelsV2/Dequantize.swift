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

/// The place of each lane's code in a word that holds eight of `width` bits.
@inline(__always)
private func codeShifts(_ width: Int) -> Words {
  Words(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7) &* Words(repeating: UInt32(width))
}

/// The codes of columns `j..<j + 16`, j a multiple of 8. With 2 and 3 bits, up to two bytes behind them are read.
@inline(__always)
private func codes(_ codes: UnsafePointer<UInt8>, _ j: Int, _ width: Int, _ shifts: Words) -> Words
{
  let raw = UnsafeRawPointer(codes + (j &>> 3) &* width)
  if width == 8 {
    var words = Words(repeating: 0)
    let bytes = raw.loadUnaligned(as: SIMD16<UInt8>.self)
    for lane in 0..<16 { words[lane] = UInt32(bytes[lane]) }
    return words
  }
  // Eight codes take as many bytes as a code has bits.
  let low = SIMD8<UInt32>(repeating: raw.loadUnaligned(as: UInt32.self))
  let high = SIMD8<UInt32>(repeating: raw.loadUnaligned(fromByteOffset: width, as: UInt32.self))
  return (Words(lowHalf: low, highHalf: high) &>> shifts)
    & Words(repeating: UInt32((1 &<< width) - 1))
}

/// The floats of small whole numbers.
@inline(__always)
private func floats(_ words: Words) -> Vector {
  // With the exponent of 2²³ the last bits count ones.
  float(words | Words(repeating: 0x4B00_0000)) - splat(8_388_608)
}

/// Calls `body(j, weights)` for 16 weights at a time, and `one(j, weight)` for those that remain.
@inline(__always)
private func eachWeight(
  _ row: PackedRow, _ body: (Int, Vector) -> Void, _ one: (Int, Float) -> Void
) {
  let shifts = codeShifts(row.bits)
  // Vectors must not read behind the row.
  let limit = row.bits == 2 || row.bits == 3 ? row.columns - 8 : row.columns
  var group = 0
  var start = 0
  while start < row.columns {
    let end = row.groupIndex == nil ? min(start + row.group, row.columns) : start + 1
    if let index = row.groupIndex { group = Int(index[start]) }
    let (s, z) = (groupScale(row, group), groupZero(row, group))
    var j = start
    if start & 7 == 0 {
      let (scale, zero) = (splat(s), splat(Float(z)))
      while j + 16 <= min(end, limit) {
        body(j, (floats(codes(row.codes, j, row.bits, shifts)) - zero) * scale)
        j += 16
      }
    }
    while j < end {
      one(j, Float(code(row.codes, j, row.bits) - z) * s)
      j += 1
    }
    start = end
    group += 1
  }
}

extension CompiledKernels {
  public static func dequantize(_ row: PackedRow, _ y: MutableFloats) {
    eachWeight(row, { store($1, y + $0) }, { y[$0] = $1 })
  }

  public static func dequantizeToBF16(_ row: PackedRow, _ y: MutableHalves) {
    eachWeight(
      row, { storeHalves(narrowedBF16($1), y + $0, 16) },
      { y[$0] = narrowedBF16(splat($1))[0] })
  }
}

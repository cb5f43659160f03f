import CPUKernels
import CVector

@inline(__always)
private func multiplyAdd(_ a: SIMD8<Float>, _ b: SIMD8<Float>, _ c: SIMD8<Float>) -> SIMD8<Float> {
  #if FMA
    c.addingProduct(a, b)
  #else
    c + a * b
  #endif
}

extension CompiledKernels {
  public static func arrange(_ x: Floats, _ row: PackedRow, _ y: PackedInput) {
    // Places of codes in a word, 2ᵖ.
    let p = (16 / row.bits).trailingZeroBitCount
    let mask = (16 << p) - 1
    var (j, group) = (0, 0)
    while j < row.columns {
      // As bits: what is no number is larger than any.
      var tops = Words(repeating: 0)
      var i = 0
      while i < row.group {
        let magnitudes = bits(load(x + j + i)) & Words(repeating: 0x7FFF_FFFF)
        tops = tops.replacing(with: magnitudes, where: tops .< magnitudes)
        i += 16
      }
      var exponent: UInt32 = 0
      for lane in 0..<16 { exponent = max(exponent, tops[lane] >> 23) }
      // 2²⁹ steps reach the next power of two. Where the largest is no number, nothing is.
      let shift = max(exponent, 32)
      let step = exponent == 255 ? Float.nan : Float(bitPattern: (shift - 28) << 23)
      let inverse = splat(exponent == 255 ? 0 : Float(bitPattern: (282 - shift) << 23))
      var total = splat(0)
      i = 0
      while i < row.group {
        let v = load(x + j + i)
        total += v
        // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
        let n = exponent == 255 ? splat(0) : v * inverse
        let high = n * splat(1 / 32768) + splat(12_582_912)
        let low = n - (high - splat(12_582_912)) * splat(32768) + splat(12_582_912)
        let (h, l) = (bits(high), bits(low))
        for lane in 0..<16 {
          let column = (j + i + lane) & mask
          let (word, inWord) = (column >> p, column & ((1 << p) - 1))
          let place = y.digits + 2 * (j + i + lane - column) + inWord * 32 + word
          place[0] = Int16(truncatingIfNeeded: h[lane])
          place[16] = Int16(truncatingIfNeeded: l[lane])
        }
        i += 16
      }
      y.steps[group] = step
      y.sums[group] = sum(total)
      j += row.group
      group += 1
    }
  }

  public static func dot(_ row: PackedRow, _ x: PackedInput) -> Float {
    switch row.bits {
    case 2: packedDot(row, x, 2)
    case 4: packedDot(row, x, 4)
    default: packedDot(row, x, 8)
    }
  }

  /// `Σ (q − zero) · scale · x`, group by group `scale · step · Σ q·n − scale · zero · Σ x`.
  @_transparent
  private static func packedDot(_ row: PackedRow, _ x: PackedInput, _ width: Int) -> Float {
    let places = 16 / width
    let block = 16 * places
    let mask = SIMD16<UInt16>(repeating: UInt16((1 << width) - 1))
    let groups = row.columns / row.group
    // Blocks of a group, or groups of a block.
    let (blocks, shared) = (max(row.group / block, 1), max(block / row.group, 1))
    var words = UnsafeRawPointer(row.codes)
    var digits = UnsafeRawPointer(x.digits)
    var (total, zeros) = (SIMD8<Float>(repeating: 0), splat(0))
    var first = 0
    while first < groups {
      let count = min(16, groups - first)
      let scales =
        row.halfScales
        ? widenedF16(
          loadHalves(row.scales.assumingMemoryBound(to: UInt16.self) + first, count))
        : load(row.scales.assumingMemoryBound(to: Float.self) + first, count)
      let factors = scales * load(x.steps + first, count)
      var middle = splat(Float(row.midpoint))
      if let points = row.zeros {
        if count == 16 {
          let held = UnsafeRawPointer(points + first).loadUnaligned(as: SIMD16<UInt8>.self)
          for i in 0..<16 { middle[i] = Float(held[i]) }
        } else {
          for i in 0..<count { middle[i] = Float(points[first + i]) }
        }
      }
      zeros = multiplyAdd(scales * middle, load(x.sums + first, count), zeros)
      var k = 0
      while k < count {
        var (high, low) = (SIMD8<Int32>(repeating: 0), SIMD8<Int32>(repeating: 0))
        for _ in 0..<blocks {
          let codes = words.loadUnaligned(as: SIMD16<UInt16>.self)
          for place in 0..<places {
            let q = unsafeBitCast(
              (codes &>> SIMD16(repeating: UInt16(place &* width))) & mask, to: SIMD16<Int16>.self)
            high &+= olv_pair_products(
              q, digits.loadUnaligned(fromByteOffset: 64 &* place, as: SIMD16<Int16>.self))
            low &+= olv_pair_products(
              q, digits.loadUnaligned(fromByteOffset: 64 &* place &+ 32, as: SIMD16<Int16>.self))
          }
          words += 32
          digits += 64 &* places
        }
        var factor = SIMD8<Float>(repeating: factors[k])
        if shared == 2 {
          factor.highHalf = SIMD4(repeating: factors[k + 1])
        } else if shared == 4 {
          for i in 2..<8 { factor[i] = factors[k + i / 2] }
        }
        total = multiplyAdd(olv_floats(high) * SIMD8(repeating: 32768), factor, total)
        total = multiplyAdd(olv_floats(low), factor, total)
        k += shared
      }
      first += 16
    }
    let a = total.lowHalf + total.highHalf
    let b = a.lowHalf + a.highHalf
    return b.x + b.y - sum(zeros)
  }
}

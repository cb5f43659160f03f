import CPUKernels

/// Which lanes are hidden: `AdapterTerm.survives` on vectors.
@inline(__always)
private func hidden(_ mask: DropoutMask, _ index: UInt32) -> SIMDMask<SIMD16<Int32>> {
  let ramp = Words(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  let number = Words(repeating: index) &+ ramp
  var z = (number &>> 1) ^ Words(repeating: UInt32(truncatingIfNeeded: mask.key))
  z ^= z &>> 16
  z = z &* Words(repeating: 0x7FEB_352D)
  z ^= (z &>> 15) ^ Words(repeating: UInt32(truncatingIfNeeded: mask.key >> 32))
  z = z &* Words(repeating: 0x846C_A68B)
  z ^= z &>> 16
  // Of two neighbours the second has the upper half. Written out: the compiler takes an expression apart lane by lane.
  let half =
    index & 1 == 0
    ? Words(0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16)
    : Words(16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0, 16, 0)
  return ((z &>> half) & Words(repeating: 0x7FFF)) .< Words(repeating: mask.threshold)
}

/// The lanes of `x` whose elements survive, zeros elsewhere.
@inline(__always)
func survivors(_ x: Vector, _ mask: DropoutMask, _ index: UInt32) -> Vector {
  x.replacing(with: splat(0), where: hidden(mask, index))
}

extension CompiledKernels {
  public static func drop(
    _ x: Floats, _ mask: DropoutMask, _ index: UInt32, _ y: MutableFloats, _ count: Int
  ) {
    eachVector(count) { i, n in
      store(survivors(load(x + i, n), mask, index &+ UInt32(truncatingIfNeeded: i)), y + i, n)
    }
  }

  public static func dropToBF16(
    _ x: Floats, _ mask: DropoutMask, _ index: UInt32, _ y: MutableHalves, _ count: Int
  ) {
    eachVector(count) { i, n in
      let v = survivors(load(x + i, n), mask, index &+ UInt32(truncatingIfNeeded: i))
      storeHalves(narrowedBF16(v), y + i, n)
    }
  }

  public static func dropBF16(
    _ x: Halves, _ mask: DropoutMask, _ index: UInt32, _ y: MutableHalves, _ count: Int
  ) {
    eachVector(count) { i, n in
      let w = words(loadHalves(x + i, n))
        .replacing(
          with: Words(repeating: 0), where: hidden(mask, index &+ UInt32(truncatingIfNeeded: i)))
      storeHalves(halves(w), y + i, n)
    }
  }

  public static func addSurvivors(
    _ x: Floats, _ factor: Float, _ mask: DropoutMask, _ index: UInt32, _ y: MutableFloats,
    _ count: Int
  ) {
    let f = splat(factor)
    eachVector(count) { i, n in
      let v = survivors(load(x + i, n), mask, index &+ UInt32(truncatingIfNeeded: i))
      store(multiplyAdd(v, f, load(y + i, n)), y + i, n)
    }
  }
}

import CPUKernels

/// bf16 is the upper half of an f32; the lower half is rounded to nearest even. NaNs stay NaNs.
@inline(__always)
func narrowedBF16(_ v: Vector) -> SIMD16<UInt16> {
  let w = bits(v)
  let odd = (w &>> 16) & Words(repeating: 1)
  let rounded = w &+ Words(repeating: 0x7FFF) &+ odd
  let quiet = w | Words(repeating: 0x40_0000)
  let isNaN = (w & Words(repeating: 0x7FFF_FFFF)) .> Words(repeating: 0x7F80_0000)
  return halves(rounded.replacing(with: quiet, where: isNaN) &>> 16)
}

/// The same for what is no NaN.
@inline(__always)
func narrowedFinite(_ v: Vector) -> SIMD16<UInt16> {
  let w = bits(v)
  return halves((w &+ Words(repeating: 0x7FFF) &+ ((w &>> 16) & Words(repeating: 1))) &>> 16)
}

@inline(__always)
func widenedBF16(_ v: SIMD16<UInt16>) -> Vector {
  float(words(v) &<< 16)
}

/// f16 by shifting its exponent and mantissa into place and multiplying by 2¹¹², which also gives subnormals.
@inline(__always)
func widenedF16(_ v: SIMD16<UInt16>) -> Vector {
  let w = words(v)
  let magnitude = w & Words(repeating: 0x7FFF)
  let sign = (w & Words(repeating: 0x8000)) &<< 16
  let finite = bits(float(magnitude &<< 13) * splat(0x1p112))
  let special = (magnitude &<< 13) | Words(repeating: 0x7F80_0000)
  let isSpecial = magnitude .>= Words(repeating: 0x7C00)
  return float(finite.replacing(with: special, where: isSpecial) | sign)
}

/// f32 to f16, to nearest even. Normal numbers are rounded on their bits; subnormal ones by adding 1/2, whose last bit
/// has the weight of the smallest subnormal.
@inline(__always)
func narrowedF16(_ v: Vector) -> SIMD16<UInt16> {
  let w = bits(v)
  let sign = (w &>> 16) & Words(repeating: 0x8000)
  let magnitude = w & Words(repeating: 0x7FFF_FFFF)
  let odd = (magnitude &>> 13) & Words(repeating: 1)
  let normal = (magnitude &- Words(repeating: 0x3800_0000) &+ Words(repeating: 0xFFF) &+ odd) &>> 13
  let subnormal = bits(float(magnitude) + splat(0.5)) &- Words(repeating: 0x3F00_0000)
  var result = normal.replacing(
    with: subnormal, where: magnitude .< Words(repeating: 0x3880_0000))
  // From 65520 on the nearest is infinity.
  result = result.replacing(
    with: Words(repeating: 0x7C00), where: magnitude .>= Words(repeating: 0x477F_F000))
  result = result.replacing(
    with: Words(repeating: 0x7E00), where: magnitude .> Words(repeating: 0x7F80_0000))
  return halves(result | sign)
}

/// Writes `count` numbers that `body(start, lanes)` computes.
@inline(__always)
func write(_ count: Int, to output: KernelOutput, _ body: (Int, Int) -> Vector) {
  switch output {
  case .floats(let y): eachVector(count) { i, n in store(body(i, n), y + i, n) }
  case .halves(let y): eachVector(count) { i, n in storeHalves(narrowedBF16(body(i, n)), y + i, n) }
  }
}

extension CompiledKernels {
  public static func narrowToBF16(
    _ x: Floats, _ factor: Float, _ y: MutableHalves, _ count: Int
  ) {
    let f = splat(factor)
    eachVector(count) { i, n in storeHalves(narrowedBF16(load(x + i, n) * f), y + i, n) }
  }

  public static func widenBF16(_ x: Halves, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in store(widenedBF16(loadHalves(x + i, n)), y + i, n) }
  }

  public static func narrowToF16(_ x: Floats, _ y: MutableHalves, _ count: Int) {
    eachVector(count) { i, n in storeHalves(narrowedF16(load(x + i, n)), y + i, n) }
  }

  public static func widenF16(_ x: Halves, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in store(widenedF16(loadHalves(x + i, n)), y + i, n) }
  }
}

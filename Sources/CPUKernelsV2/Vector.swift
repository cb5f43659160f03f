import CPUKernels

@inline(__always)
func load(_ p: UnsafePointer<Float>) -> Vector {
  UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

@inline(__always)
func store(_ v: Vector, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vector.self)
}

/// The first `count` elements, zeros behind them.
@inline(__always)
func load(_ p: UnsafePointer<Float>, _ count: Int) -> Vector {
  if count == 16 { return load(p) }
  var v = Vector(repeating: 0)
  for i in 0..<count { v[i] = p[i] }
  return v
}

@inline(__always)
func store(_ v: Vector, _ p: UnsafeMutablePointer<Float>, _ count: Int) {
  if count == 16 { return store(v, p) }
  for i in 0..<count { p[i] = v[i] }
}

@inline(__always)
func loadHalves(_ p: UnsafePointer<UInt16>, _ count: Int) -> SIMD16<UInt16> {
  if count == 16 { return UnsafeRawPointer(p).loadUnaligned(as: SIMD16<UInt16>.self) }
  var v = SIMD16<UInt16>(repeating: 0)
  for i in 0..<count { v[i] = p[i] }
  return v
}

@inline(__always)
func storeHalves(_ v: SIMD16<UInt16>, _ p: UnsafeMutablePointer<UInt16>, _ count: Int) {
  if count == 16 {
    UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD16<UInt16>.self)
    return
  }
  for i in 0..<count { p[i] = v[i] }
}

/// Calls `body(start, lanes)` for each vector of `count` elements, the last one perhaps partly filled.
@inline(__always)
func eachVector(_ count: Int, _ body: (Int, Int) -> Void) {
  var i = 0
  while i + 16 <= count {
    body(i, 16)
    i += 16
  }
  if i < count { body(i, count - i) }
}

@inline(__always)
func bits(_ v: Vector) -> Words { unsafeBitCast(v, to: Words.self) }
@inline(__always)
func float(_ v: Words) -> Vector { unsafeBitCast(v, to: Vector.self) }

/// The sum of the lanes, as a fixed tree.
@inline(__always)
func sum(_ v: Vector) -> Float {
  let a = v.lowHalf + v.highHalf
  let b = a.lowHalf + a.highHalf
  let c = b.lowHalf + b.highHalf
  return c.x + c.y
}

@inline(__always)
func maximum(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: a .< b) }
@inline(__always)
func minimum(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }

@inline(__always)
func maximum(_ v: Vector) -> Float {
  let a = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
  let b = a.lowHalf.replacing(with: a.highHalf, where: a.lowHalf .< a.highHalf)
  let c = b.lowHalf.replacing(with: b.highHalf, where: b.lowHalf .< b.highHalf)
  return c.x < c.y ? c.y : c.x
}

/// `a · b + c`, fused at the levels that can: elsewhere fusing would be a slow call.
@inline(__always)
func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
  #if FMA
    c.addingProduct(a, b)
  #else
    c + a * b
  #endif
}

@inline(__always)
func splat(_ value: Float) -> Vector { Vector(repeating: value) }

/// e^x to about an ulp: x = n·ln 2 + r, a minimax polynomial of degree 6 for e^r (relative error 2e-9), the exponent
/// put together from n. Clamped to −87.3…88.3, where the result is a normal number.
@_transparent
func exponential(_ x: Vector) -> Vector {
  let x = minimum(maximum(x, splat(-87.3)), splat(88.3))
  // Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
  let shifted = multiplyAdd(x, splat(1.442_695_04), splat(12_582_912))
  let n = shifted - splat(12_582_912)
  // ln 2 in two parts; the first has few enough bits that n times it is exact.
  var r = multiplyAdd(n, splat(-0.693_359_375), x)
  r = multiplyAdd(n, splat(2.121_944_4e-4), r)
  var p = splat(0.001_384_364_4)
  p = multiplyAdd(p, r, splat(0.008_374_163))
  p = multiplyAdd(p, r, splat(0.041_668_00))
  p = multiplyAdd(p, r, splat(0.166_664_32))
  p = multiplyAdd(p, r, splat(0.499_999_94))
  p = multiplyAdd(p, r, splat(1))
  p = multiplyAdd(p, r, splat(1))
  return float(bits(p) &+ (bits(shifted) &<< 23))
}

/// 1 / (1 + e^−x)
@inline(__always)
func sigmoid(_ x: Vector) -> Vector { splat(1) / (splat(1) + exponential(splat(0) - x)) }

import CPUKernels

extension CompiledKernels: TileKernels {}

typealias Vectors = UnsafePointer<Vector>
typealias MutableVectors = UnsafeMutablePointer<Vector>

@inline(__always)
func vectors(_ tile: UnsafePointer<Float>) -> Vectors {
  UnsafeRawPointer(tile).assumingMemoryBound(to: Vector.self)
}
@inline(__always)
func vectors(_ tile: UnsafeMutablePointer<Float>) -> MutableVectors {
  UnsafeMutableRawPointer(tile).assumingMemoryBound(to: Vector.self)
}

/// 2²³. Added to a number in 0..<2²³ it leaves that number, rounded to the nearest integer with ties to even, in the low
/// bits.
let roundingShift: Float = 0x1p23

/// The codes of `w` with `roundingShift` added. Clamping before rounding is the same as after: the bounds are integers.
@inline(__always)
func shiftedCodes(_ w: Vector, _ scale: Vector, _ zero: Vector, _ largest: Vector) -> Vector {
  minimum(maximum(w / scale + zero, splat(0)), largest) + splat(roundingShift)
}

@inline(__always)
func magnitude(_ w: Vector) -> Vector {
  float(bits(w) & Words(repeating: 0x7FFF_FFFF))
}

/// The scale is a quotient, not a product with a reciprocal, and the zero point comes from the scale as stored.
@inline(__always)
private func gridOf(_ low: Vector, _ high: Vector, _ grid: TileGrid) -> (
  scale: Vector, zero: Vector
) {
  let largest = splat(grid.maximum)
  var scale = (high - low) / largest
  if grid.half {
    for lane in 0..<lanes {
      let stored = Float(Float16(scale[lane]))
      // Never 0: the smallest f16 instead.
      scale[lane] = stored > 0x1p-24 ? stored : 0x1p-24
    }
  }
  if grid.symmetric { return (scale, splat(grid.midpoint)) }
  let shift = splat(roundingShift)
  let zero = minimum(maximum(splat(0) - low / scale, splat(0)), largest) + shift - shift
  return (scale, zero)
}

/// The range always contains 0, so that 0 has a code; an empty group gets the range −1…1.
@inline(__always)
func gridOf(_ tile: Vectors, _ columns: Int, _ grid: TileGrid) -> (scale: Vector, zero: Vector) {
  var low = splat(0)
  var high = splat(0)
  for j in 0..<columns {
    low = minimum(low, tile[j])
    high = maximum(high, tile[j])
  }
  if grid.symmetric {
    high = maximum(high, splat(0) - low)
    low = splat(0) - high
  }
  let empty = low .== high
  low.replace(with: splat(-1), where: empty)
  high.replace(with: splat(1), where: empty)
  var best = gridOf(low, high, grid)
  if grid.shrinks == 0 { return best }

  let largest = splat(grid.maximum)
  let shift = splat(roundingShift)
  var least = splat(.infinity)
  var step = 0
  while step <= grid.shrinks {
    let part = splat(1 - Float(step) * 0.01)
    let trial = gridOf(low * part, high * part, grid)
    var error = splat(0)
    for j in 0..<columns {
      let code = shiftedCodes(tile[j], trial.scale, trial.zero, largest) - shift
      let difference = (code - trial.zero) * trial.scale - tile[j]
      error = multiplyAdd(difference, difference, error)
    }
    let better = error .< least
    least.replace(with: error, where: better)
    best.scale.replace(with: trial.scale, where: better)
    best.zero.replace(with: trial.zero, where: better)
    step += 1
  }
  return best
}

/// Stores the low byte of each lane at column `j`.
@inline(__always)
func put(_ shifted: Vector, _ codes: UnsafeMutablePointer<UInt8>, _ j: Int) {
  UnsafeMutableRawPointer(codes + lanes * j).storeBytes(
    of: bytes(bits(shifted)), as: SIMD16<UInt8>.self)
}

extension CompiledKernels {
  public static func loadTile(
    _ source: Floats, _ stride: Int, _ rows: Int, _ columns: Int, _ tile: MutableFloats
  ) -> Bool {
    let v = vectors(tile)
    if rows < lanes {
      for j in 0..<columns { v[j] = splat(0) }
    }
    for r in 0..<rows {
      let row = source + r * stride
      for j in 0..<columns { tile[lanes * j + r] = row[j] }
    }
    // A finite number times 0 is 0.
    var check = splat(0)
    for j in 0..<columns { check += v[j] * splat(0) }
    return sum(check) == 0
  }

  public static func packTile(
    _ codes: UnsafePointer<UInt8>, _ places: UnsafePointer<Int32>?, _ rows: Int, _ columns: Int,
    _ bits: Int, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int
  ) {
    var pending = SIMD16<UInt16>(repeating: 0)
    var held = 0
    var byte = 0
    for j in 0..<columns {
      var place = j
      if let places { place = Int(places[j]) }
      let code = UnsafeRawPointer(codes + lanes * place).loadUnaligned(as: SIMD16<UInt8>.self)
      pending |=
        halves(code)
        &<< SIMD16<UInt16>(repeating: UInt16(truncatingIfNeeded: held))
      held += bits
      if held >= 8 {
        for r in 0..<rows { target[r * stride + byte] = UInt8(truncatingIfNeeded: pending[r]) }
        pending = pending &>> SIMD16<UInt16>(repeating: 8)
        held -= 8
        byte += 1
      }
    }
    if held > 0 {
      for r in 0..<rows { target[r * stride + byte] = UInt8(truncatingIfNeeded: pending[r]) }
    }
  }

  public static func scaleTile(
    _ x: Floats, _ columns: Int, _ factors: Floats, _ y: MutableFloats
  ) {
    let (from, to) = (vectors(x), vectors(y))
    for j in 0..<columns { to[j] = from[j] * splat(factors[j]) }
  }

  public static func compareTile(
    _ x: Floats, _ columns: Int, _ factors: Floats?, _ w: Floats, _ y: MutableFloats
  ) {
    let (from, weights, to) = (vectors(x), vectors(w), vectors(y))
    if let factors {
      for j in 0..<columns { to[j] = from[j] / splat(factors[j]) - weights[j] }
    } else {
      for j in 0..<columns { to[j] = from[j] - weights[j] }
    }
  }

  public static func clampTile(_ tile: MutableFloats, _ columns: Int, _ limit: Floats) {
    let v = vectors(tile)
    let high = vectors(limit)[0]
    let low = splat(0) - high
    for j in 0..<columns { v[j] = minimum(maximum(v[j], low), high) }
  }

  public static func findGrid(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ scale: MutableFloats,
    _ zero: MutableFloats
  ) {
    let found = gridOf(vectors(tile), columns, grid)
    vectors(scale)[0] = found.scale
    vectors(zero)[0] = found.zero
  }

  public static func roundTile(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ scale: Floats, _ zero: Floats,
    _ codes: UnsafeMutablePointer<UInt8>?, _ values: MutableFloats?
  ) {
    let v = vectors(tile)
    let (s, z) = (vectors(scale)[0], vectors(zero)[0])
    let largest = splat(grid.maximum)
    let shift = splat(roundingShift)
    for j in 0..<columns {
      let shifted = shiftedCodes(v[j], s, z, largest)
      if let codes { put(shifted, codes, j) }
      if let values { vectors(values)[j] = (shifted - shift - z) * s }
    }
  }
}

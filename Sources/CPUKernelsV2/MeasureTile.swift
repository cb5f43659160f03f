import CPUKernels

/// Σ d_i · h_ij · d_j over i in `first..<last` and j ≤ i, counted for both triangles.
@inline(__always)
private func quadratic(
  _ d: Vectors, _ h: UnsafePointer<Float>, _ stride: Int, _ first: Int, _ last: Int
) -> Vector {
  var total = splat(0)
  var i = first
  // Rows in fours share what they read of d.
  while i + 4 <= last {
    let (h0, h1) = (h + i * stride, h + (i + 1) * stride)
    let (h2, h3) = (h + (i + 2) * stride, h + (i + 3) * stride)
    var (a, b, c, e) = (splat(0), splat(0), splat(0), splat(0))
    var j = 0
    while j < i {
      let x = d[j]
      a = multiplyAdd(x, splat(h0[j]), a)
      b = multiplyAdd(x, splat(h1[j]), b)
      c = multiplyAdd(x, splat(h2[j]), c)
      e = multiplyAdd(x, splat(h3[j]), e)
      j += 1
    }
    let (x, y, z, w) = (d[i], d[i + 1], d[i + 2], d[i + 3])
    b = multiplyAdd(x, splat(h1[i]), b)
    c = multiplyAdd(y, splat(h2[i + 1]), multiplyAdd(x, splat(h2[i]), c))
    e = multiplyAdd(y, splat(h3[i + 1]), multiplyAdd(x, splat(h3[i]), e))
    e = multiplyAdd(z, splat(h3[i + 2]), e)
    (a, b, c, e) = (a + a, b + b, c + c, e + e)
    a = multiplyAdd(x, splat(h0[i]), a)
    b = multiplyAdd(y, splat(h1[i + 1]), b)
    c = multiplyAdd(z, splat(h2[i + 2]), c)
    e = multiplyAdd(w, splat(h3[i + 3]), e)
    var part = a * x
    part = multiplyAdd(b, y, part)
    part = multiplyAdd(c, z, part)
    part = multiplyAdd(e, w, part)
    total += part
    i += 4
  }
  while i < last {
    let row = h + i * stride
    var a = splat(0)
    var j = 0
    while j < i {
      a = multiplyAdd(d[j], splat(row[j]), a)
      j += 1
    }
    a = multiplyAdd(d[i], splat(row[i]), a + a)
    total = multiplyAdd(a, d[i], total)
    i += 1
  }
  return total
}

extension CompiledKernels {
  public static func addQuadratic(
    _ tile: Floats, _ h: Floats, _ stride: Int, _ first: Int, _ last: Int, _ total: MutableFloats
  ) {
    vectors(total)[0] += quadratic(vectors(tile), h, stride, first, last)
  }

  public static func findLimit(
    _ tile: Floats, _ columns: Int, _ grid: TileGrid, _ h: Floats, _ stride: Int, _ step: Float,
    _ steps: Int, _ scratch: MutableFloats, _ limit: MutableFloats
  ) {
    let (v, d) = (vectors(tile), vectors(scratch))
    var widest = splat(0)
    for j in 0..<columns { widest = maximum(widest, magnitude(v[j])) }
    let shift = splat(roundingShift)
    let largest = splat(grid.maximum)
    var least = splat(.infinity)
    var best = widest
    for number in 0..<steps {
      let high = widest * splat(1 - Float(number) * step)
      let low = splat(0) - high
      for j in 0..<columns { d[j] = minimum(maximum(v[j], low), high) }
      let (scale, zero) = gridOf(Vectors(d), columns, grid)
      for j in 0..<columns {
        let code = shiftedCodes(d[j], scale, zero, largest) - shift
        d[j] = (code - zero) * scale - v[j]
      }
      let error = quadratic(Vectors(d), h, stride, 0, columns)
      let better = error .< least
      least.replace(with: error, where: better)
      best.replace(with: high, where: better)
    }
    vectors(limit)[0] = best
  }

  public static func addRelativeMagnitudes(
    _ tile: Floats, _ columns: Int, _ sums: MutableFloats
  ) {
    let v = vectors(tile)
    var widest = splat(0)
    for j in 0..<columns { widest = maximum(widest, magnitude(v[j])) }
    widest += splat(1e-6)
    for j in 0..<columns { sums[j] += sum(magnitude(v[j]) / widest) }
  }

  public static func addMagnitudes(_ x: Floats, _ sums: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in
      store(load(sums + i, n) + magnitude(load(x + i, n)), sums + i, n)
    }
  }

  public static func scaleRow(
    _ x: Floats, _ factor: Float, _ factors: Floats?, _ y: MutableFloats, _ count: Int
  ) {
    eachVector(count) { i, n in
      var v = load(x + i, n) * splat(factor)
      if let factors { v *= load(factors + i, n) }
      store(v, y + i, n)
    }
  }
}

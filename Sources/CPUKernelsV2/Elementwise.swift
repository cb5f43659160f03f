import CPUKernels

extension CompiledKernels {
  public static func add(_ a: Floats, _ b: Floats, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in store(load(a + i, n) + load(b + i, n), y + i, n) }
  }

  public static func scale(_ x: Floats, _ factor: Float, _ y: MutableFloats, _ count: Int) {
    let f = splat(factor)
    eachVector(count) { i, n in store(load(x + i, n) * f, y + i, n) }
  }

  public static func scaleRows(
    _ x: Floats, _ factors: Floats, _ y: MutableFloats, _ stride: Int, _ width: Int, _ rows: Int
  ) {
    for row in 0..<rows {
      let (from, to, f) = (x + row * width, y + row * stride, splat(factors[row]))
      eachVector(width) { i, n in store(load(from + i, n) * f, to + i, n) }
    }
  }

  public static func addScaled(_ x: Floats, _ factor: Float, _ y: MutableFloats, _ count: Int) {
    let f = splat(factor)
    eachVector(count) { i, n in
      store(multiplyAdd(load(x + i, n), f, load(y + i, n)), y + i, n)
    }
  }

  public static func transpose(
    _ x: Floats, _ xStride: Int, _ rows: Int, _ columns: Int, _ factor: Float, _ y: MutableFloats,
    _ yStride: Int
  ) {
    let f = splat(factor)
    var i = 0
    // A vector of a column at a time: the lines that it is gathered from stay in the cache for the next columns.
    while i + 16 <= rows {
      let from = x + i * xStride
      for j in 0..<columns {
        var v = splat(0)
        for lane in 0..<16 { v[lane] = from[lane * xStride + j] }
        store(v * f, y + j * yStride + i)
      }
      i += 16
    }
    for row in i..<max(rows, i) {
      for j in 0..<columns { y[j * yStride + row] = factor * x[row * xStride + j] }
    }
  }

  public static func exp(_ x: Floats, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in store(exponential(load(x + i, n)), y + i, n) }
  }

  public static func swiGLU(_ gate: Floats, _ up: Floats, _ y: KernelOutput, _ count: Int) {
    write(count, to: y) { i, n in
      let g = load(gate + i, n)
      return g * sigmoid(g) * load(up + i, n)
    }
  }

  public static func swiGLUBackward(
    _ dy: Floats, _ gate: Floats, _ up: Floats, _ dGate: KernelOutput, _ dUp: KernelOutput,
    _ count: Int
  ) {
    switch (dGate, dUp) {
    case (.halves(let first), .halves(let second)):
      eachVector(count) { i, n in
        let (g, u) = slopes(load(dy + i, n), load(gate + i, n), load(up + i, n))
        storeHalves(narrowedBF16(g), first + i, n)
        storeHalves(narrowedBF16(u), second + i, n)
      }
    case (.floats(let first), .floats(let second)):
      eachVector(count) { i, n in
        let (g, u) = slopes(load(dy + i, n), load(gate + i, n), load(up + i, n))
        store(g, first + i, n)
        store(u, second + i, n)
      }
    default: break
    }
  }

  /// The gradients of gate and up: d silu = s + g·s·(1 − s) with s the sigmoid of the gate g.
  @inline(__always)
  private static func slopes(_ d: Vector, _ g: Vector, _ up: Vector) -> (Vector, Vector) {
    let s = sigmoid(g)
    let silu = g * s
    return (d * up * multiplyAdd(silu, splat(1) - s, s), d * silu)
  }
}

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

  public static func exp(_ x: Floats, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in store(exponential(load(x + i, n)), y + i, n) }
  }

  public static func swiGLU(_ gate: Floats, _ up: Floats, _ y: MutableFloats, _ count: Int) {
    eachVector(count) { i, n in
      let g = load(gate + i, n)
      store(g * sigmoid(g) * load(up + i, n), y + i, n)
    }
  }

  public static func swiGLUBackward(
    _ dy: Floats, _ gate: Floats, _ up: Floats, _ dGate: MutableFloats, _ dUp: MutableFloats,
    _ count: Int
  ) {
    eachVector(count) { i, n in
      let g = load(gate + i, n)
      let s = sigmoid(g)
      let d = load(dy + i, n)
      let silu = g * s
      // d silu = s + g·s·(1 − s)
      let slope = multiplyAdd(silu, splat(1) - s, s)
      store(d * load(up + i, n) * slope, dGate + i, n)
      store(d * silu, dUp + i, n)
    }
  }
}

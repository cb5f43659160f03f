import CPUKernels

extension CompiledKernels {
  public static func adamW(
    _ value: MutableFloats, _ gradient: Floats, _ first: MutableFloats, _ second: MutableFloats,
    _ factors: AdamWFactors, _ count: Int
  ) {
    let scale = splat(factors.gradientScale)
    let beta1 = splat(factors.beta1)
    let beta2 = splat(factors.beta2)
    let rest1 = splat(1 - factors.beta1)
    let rest2 = splat(1 - factors.beta2)
    let epsilon = splat(factors.epsilon)
    let rate = splat(-factors.rate)
    let secondScale = splat(factors.secondScale)
    let keep = splat(factors.keep)
    eachVector(count) { i, n in
      let g = load(gradient + i, n) * scale
      let m = multiplyAdd(load(first + i, n), beta1, g * rest1)
      let v = multiplyAdd(load(second + i, n), beta2, g * g * rest2)
      store(m, first + i, n)
      store(v, second + i, n)
      let step = m / multiplyAdd(v.squareRoot(), secondScale, epsilon)
      store(multiplyAdd(step, rate, load(value + i, n) * keep), value + i, n)
    }
  }
}

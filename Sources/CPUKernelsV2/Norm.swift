import CPUKernels

extension CompiledKernels {
  public static func rmsNorm(
    _ x: Floats, _ delta: Floats?, _ weight: Floats, _ epsilon: Float, _ total: MutableFloats?,
    _ y: KernelOutput, _ count: Int
  ) -> Float {
    var squares = splat(0)
    var source = x
    if let delta, let total {
      eachVector(count) { i, n in
        let s = load(x + i, n) + load(delta + i, n)
        store(s, total + i, n)
        squares = multiplyAdd(s, s, squares)
      }
      source = Floats(total)
    } else {
      eachVector(count) { i, n in
        let s = load(x + i, n)
        squares = multiplyAdd(s, s, squares)
      }
    }
    let inverse = 1 / (sum(squares) / Float(count) + epsilon).squareRoot()
    let scale = splat(inverse)
    write(count, to: y) { i, n in load(source + i, n) * scale * load(weight + i, n) }
    return inverse
  }

  public static func rmsNormBackward(
    _ dy: Floats, _ total: Floats, _ weight: Floats, _ inverse: Float, _ dSum: Floats?,
    _ dx: MutableFloats, _ count: Int
  ) {
    // With x̂ = x·inv and g = dy·w: dx = inv·(g − x̂·mean(g·x̂)).
    var products = splat(0)
    eachVector(count) { i, n in
      products = multiplyAdd(load(dy + i, n) * load(weight + i, n), load(total + i, n), products)
    }
    let back = splat(-sum(products) / Float(count) * inverse * inverse * inverse)
    let scale = splat(inverse)
    if let dSum {
      eachVector(count) { i, n in
        let g = load(dy + i, n) * load(weight + i, n)
        let d = multiplyAdd(g, scale, load(dSum + i, n))
        store(multiplyAdd(load(total + i, n), back, d), dx + i, n)
      }
    } else {
      eachVector(count) { i, n in
        let g = load(dy + i, n) * load(weight + i, n)
        store(multiplyAdd(load(total + i, n), back, g * scale), dx + i, n)
      }
    }
  }
}

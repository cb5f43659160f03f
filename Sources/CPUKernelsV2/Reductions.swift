import CPUKernels

extension CompiledKernels {
  public static func dot(_ a: Floats, _ b: Floats, _ count: Int) -> Float {
    var s0 = splat(0)
    var s1 = splat(0)
    var s2 = splat(0)
    var s3 = splat(0)
    var i = 0
    while i + 64 <= count {
      s0 = multiplyAdd(load(a + i), load(b + i), s0)
      s1 = multiplyAdd(load(a + i + 16), load(b + i + 16), s1)
      s2 = multiplyAdd(load(a + i + 32), load(b + i + 32), s2)
      s3 = multiplyAdd(load(a + i + 48), load(b + i + 48), s3)
      i += 64
    }
    eachVector(count - i) { j, n in
      s0 = multiplyAdd(load(a + i + j, n), load(b + i + j, n), s0)
    }
    return sum((s0 + s1) + (s2 + s3))
  }

  public static func dotBF16(_ a: Floats, _ b: Halves, _ count: Int) -> Float {
    var s = splat(0)
    eachVector(count) { i, n in
      s = multiplyAdd(load(a + i, n), widenedBF16(loadHalves(b + i, n)), s)
    }
    return sum(s)
  }

  public static func dotF16(_ a: Floats, _ b: Halves, _ count: Int) -> Float {
    var s = splat(0)
    eachVector(count) { i, n in
      s = multiplyAdd(load(a + i, n), widenedF16(loadHalves(b + i, n)), s)
    }
    return sum(s)
  }

  public static func sumOfSquares(_ x: Floats, _ count: Int) -> Double {
    // f32 sums of 1024 squares, added up in f64.
    var total = 0.0
    var start = 0
    while start < count {
      let part = min(1024, count - start)
      total += Double(dot(x + start, x + start, part))
      start += part
    }
    return total
  }

  public static func logSumExp(_ logits: Floats, _ count: Int) -> Float {
    var m = splat(-Float.infinity)
    eachVector(count) { i, n in
      if n == 16 {
        m = maximum(m, load(logits + i))
      } else {
        for j in 0..<n where logits[i + j] > m[0] { m[0] = logits[i + j] }
      }
    }
    let top = maximum(m)
    let shift = splat(top)
    var s = splat(0)
    var rest: Float = 0
    eachVector(count) { i, n in
      let e = exponential(load(logits + i, n) - shift)
      if n == 16 { s += e } else { for j in 0..<n { rest += e[j] } }
    }
    return top + logarithm(sum(s) + rest)
  }

  public static func softmax(
    _ x: Floats, _ logSumExp: Float, _ factor: Float, _ y: KernelOutput, _ count: Int
  ) {
    let shift = splat(logSumExp)
    let f = splat(factor)
    write(count, to: y) { i, n in exponential(load(x + i, n) - shift) * f }
  }
}

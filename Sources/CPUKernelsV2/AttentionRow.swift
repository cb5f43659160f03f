import CPUKernels

extension CompiledKernels {
  public static func rotate(
    _ x: Floats, _ cosine: Floats, _ sine: Floats, _ direction: Float, _ y: MutableFloats,
    _ half: Int, _ width: Int
  ) {
    let sign = splat(direction)
    eachVector(half) { i, n in
      let c = load(cosine + i, n)
      let s = load(sine + i, n) * sign
      let a = load(x + i, n)
      let b = load(x + half + i, n)
      store(a * c - b * s, y + i, n)
      store(multiplyAdd(b, c, a * s), y + half + i, n)
    }
    if x != Floats(y) {
      var i = 2 * half
      while i < width {
        y[i] = x[i]
        i += 1
      }
    }
  }

  public static func attendRow(
    _ q: Floats, _ k: Floats, _ keyStride: Int, _ v: Floats, _ valueStride: Int, _ count: Int,
    _ width: Int, _ scale: Float, _ scores: MutableFloats, _ y: MutableFloats
  ) -> Float {
    for j in 0..<count { scores[j] = scale * dot(q, k + j * keyStride, width) }
    let total = logSumExp(scores, count)
    softmax(scores, total, 1, count)
    eachVector(width) { i, n in
      var sum = splat(0)
      for j in 0..<count {
        sum = multiplyAdd(splat(scores[j]), load(v + j * valueStride + i, n), sum)
      }
      store(sum, y + i, n)
    }
    return total
  }
}

import CPUKernels

extension CompiledKernels {
  public static func rotate(
    _ x: Floats, _ xStride: Int, _ cosine: Floats, _ sine: Floats, _ direction: Float,
    _ y: MutableFloats, _ yStride: Int, _ half: Int, _ width: Int, _ rows: Int
  ) {
    let sign = splat(direction)
    for row in 0..<rows {
      let (from, to) = (x + row * xStride, y + row * yStride)
      let (cosines, sines) = (cosine + row * half, sine + row * half)
      eachVector(half) { i, n in
        let c = load(cosines + i, n)
        let s = load(sines + i, n) * sign
        let a = load(from + i, n)
        let b = load(from + half + i, n)
        store(a * c - b * s, to + i, n)
        store(multiplyAdd(b, c, a * s), to + half + i, n)
      }
      if from != Floats(to) {
        var i = 2 * half
        while i < width {
          to[i] = from[i]
          i += 1
        }
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

import CPUKernels

extension CompiledKernels {
  public static func rotate(
    _ x: Floats, _ xStride: Int, _ cosine: Floats, _ sine: Floats, _ direction: Float,
    _ y: KernelOutput, _ yStride: Int, _ half: Int, _ width: Int, _ rows: Int
  ) {
    let sign = splat(direction)
    for row in 0..<rows {
      let from = x + row * xStride
      let (cosines, sines) = (cosine + row * half, sine + row * half)
      switch y + row * yStride {
      case .floats(let to):
        eachVector(half) { i, n in
          let (a, b) = turned(from, half, cosines, sines, sign, i, n)
          store(a, to + i, n)
          store(b, to + half + i, n)
        }
        if from != Floats(to) {
          for i in 2 * half..<max(width, 2 * half) { to[i] = from[i] }
        }
      case .halves(let to):
        eachVector(half) { i, n in
          let (a, b) = turned(from, half, cosines, sines, sign, i, n)
          storeHalves(narrowedBF16(a), to + i, n)
          storeHalves(narrowedBF16(b), to + half + i, n)
        }
        if width > 2 * half { narrowToBF16(from + 2 * half, 1, to + 2 * half, width - 2 * half) }
      }
    }
  }

  /// Some pairs of a row, `half` elements apart, turned.
  @inline(__always)
  private static func turned(
    _ x: Floats, _ half: Int, _ cosines: Floats, _ sines: Floats, _ sign: Vector, _ i: Int,
    _ n: Int
  ) -> (Vector, Vector) {
    let c = load(cosines + i, n)
    let s = load(sines + i, n) * sign
    let (a, b) = (load(x + i, n), load(x + half + i, n))
    return (a * c - b * s, multiplyAdd(b, c, a * s))
  }

  public static func attendRow(
    _ q: Floats, _ k: Floats, _ keyStride: Int, _ v: Floats, _ valueStride: Int, _ count: Int,
    _ width: Int, _ scale: Float, _ scores: MutableFloats, _ y: MutableFloats
  ) -> Float {
    for j in 0..<count { scores[j] = scale * dot(q, k + j * keyStride, width) }
    let total = logSumExp(scores, count)
    softmax(scores, total, 1, .floats(scores), count)
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

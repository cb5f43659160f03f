import CPUKernels

/// `v` in the lanes of positions `start…` that lie in `first..<last`, `other` elsewhere.
@inline(__always)
private func inside(_ v: Vector, _ start: Int, _ first: Int, _ last: Int, _ other: Vector)
  -> Vector
{
  if start >= first && start + 16 <= last { return v }
  let ramp = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  let low = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: first - start))
  let high = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: last - start))
  return other.replacing(with: v, where: (ramp .>= low) .& (ramp .< high))
}

extension CompiledKernels {
  public static func attentionWeights(
    _ scores: MutableFloats, _ narrow: MutableHalves?, _ first: Int, _ last: Int, _ count: Int,
    _ scale: Float
  ) -> SIMD2<Float> {
    // Vectors that hold a key in sight.
    let (start, end) = (first & ~15, (last + 15) & ~15)
    var top = splat(-Float.infinity)
    var i = start
    while i < end {
      top = maximum(top, inside(load(scores + i), i, first, last, splat(-Float.infinity)))
      i += 16
    }
    let peak = maximum(top)
    let (factor, shift) = (splat(scale), splat(scale * peak))
    var total = splat(0)
    clear(scores, narrow, 0, start)
    clear(scores, narrow, end, count)
    i = start
    while i < end {
      let e = inside(
        exponential(load(scores + i) * factor - shift), i, first, last, splat(0))
      total += e
      if let narrow { storeHalves(narrowedBF16(e), narrow + i, 16) } else { store(e, scores + i) }
      i += 16
    }
    let sum = sum(total)
    return SIMD2(scale * peak + logarithm(sum), 1 / sum)
  }

  public static func attentionSlopes(
    _ scores: MutableFloats, _ gradients: MutableFloats, _ narrowScores: MutableHalves?,
    _ narrowGradients: MutableHalves?, _ first: Int, _ last: Int, _ count: Int, _ scale: Float,
    _ logSumExp: Float, _ dot: Float
  ) {
    let (start, end) = (first & ~15, (last + 15) & ~15)
    let (factor, shift, mean) = (splat(scale), splat(logSumExp), splat(dot))
    clear(scores, narrowScores, 0, start)
    clear(scores, narrowScores, end, count)
    clear(gradients, narrowGradients, 0, start)
    clear(gradients, narrowGradients, end, count)
    var i = start
    while i < end {
      let p = inside(exponential(load(scores + i) * factor - shift), i, first, last, splat(0))
      let g = p * (load(gradients + i) - mean) * factor
      if let narrowScores, let narrowGradients {
        storeHalves(narrowedBF16(p), narrowScores + i, 16)
        storeHalves(narrowedBF16(g), narrowGradients + i, 16)
      } else {
        store(p, scores + i)
        store(g, gradients + i)
      }
      i += 16
    }
  }

  @inline(__always)
  private static func clear(
    _ floats: MutableFloats, _ halves: MutableHalves?, _ start: Int, _ end: Int
  ) {
    var i = start
    while i < end {
      if let halves {
        storeHalves(SIMD16(repeating: 0), halves + i, 16)
      } else {
        store(splat(0), floats + i)
      }
      i += 16
    }
  }
}

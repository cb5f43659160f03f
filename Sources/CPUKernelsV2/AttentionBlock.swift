import CPUKernels

/// `v` in the lanes of positions `start…` that lie in `first..<last`, `other` elsewhere.
@inline(__always)
private func inside(_ v: Vector, _ start: Int, _ first: Int, _ last: Int, _ other: Vector)
  -> Vector
{
  let ramp = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  let low = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: first - start))
  let high = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: last - start))
  return other.replacing(with: v, where: (ramp .>= low) .& (ramp .< high))
}

/// Calls `whole` for the vectors that lie in `first..<last` and `part` for those that reach over its ends.
@inline(__always)
private func eachVector(
  from first: Int, to last: Int, whole: (Int) -> Void, part: (Int) -> Void
) {
  var i = first & ~15
  if i < first {
    part(i)
    i += 16
  }
  while i + 16 <= last {
    whole(i)
    i += 16
  }
  if i < last { part(i) }
}

extension AttentionRows {
  /// The keys that row `row` sees.
  @inline(__always)
  fileprivate func seen(_ row: Int) -> (first: Int, last: Int) {
    let last = position + row + 1
    return (window >= last ? 0 : last - window, last)
  }
}

extension CompiledKernels {
  public static func attentionWeights(
    _ scores: MutableFloats, _ narrow: MutableHalves?, _ rows: AttentionRows,
    _ sums: MutableFloats, _ inverses: MutableFloats
  ) {
    for row in 0..<rows.count {
      let (first, last) = rows.seen(row)
      let line = scores + row * rows.length
      let halves = narrow.map { $0 + row * rows.length }
      clear(line, halves, 0, first & ~15)
      clear(line, halves, (last + 15) & ~15, rows.length)
      let shift = rows.scale * peak(line, first, last)
      let sum =
        halves.map { exponentials(line, $0, first, last, rows.scale, shift) }
        ?? exponentials(line, first, last, rows.scale, shift)
      sums[row * rows.step] = shift + logarithm(sum)
      inverses[row] = 1 / sum
    }
  }

  // Functions of their own: in one body they are too large for the compiler to place loads inside, and what it then places
  // outside, all processor levels would share.

  @inline(never)
  private static func peak(_ line: MutableFloats, _ first: Int, _ last: Int) -> Float {
    var top = splat(-Float.infinity)
    eachVector(
      from: first, to: last, whole: { top = maximum(top, load(line + $0)) },
      part: {
        top = maximum(top, inside(load(line + $0), $0, first, last, splat(-Float.infinity)))
      })
    return maximum(top)
  }

  /// exp(scale · score − shift) in place of the scores; their sum.
  @inline(never)
  private static func exponentials(
    _ line: MutableFloats, _ first: Int, _ last: Int, _ scale: Float, _ shift: Float
  ) -> Float {
    summed(line, first, last, splat(scale), splat(shift)) { e, i in store(e, line + i) }
  }

  /// The same as bf16, beside the scores.
  @inline(never)
  private static func exponentials(
    _ line: MutableFloats, _ halves: MutableHalves, _ first: Int, _ last: Int, _ scale: Float,
    _ shift: Float
  ) -> Float {
    summed(line, first, last, splat(scale), splat(shift)) { e, i in
      storeHalves(narrowedFinite(e), halves + i, 16)
    }
  }

  @inline(__always)
  private static func summed(
    _ line: MutableFloats, _ first: Int, _ last: Int, _ factor: Vector, _ shift: Vector,
    _ write: (Vector, Int) -> Void
  ) -> Float {
    var total = splat(0)
    eachVector(
      from: first, to: last,
      whole: {
        let e = exponential(load(line + $0) * factor - shift)
        total += e
        write(e, $0)
      },
      part: {
        let e = inside(
          exponential(load(line + $0) * factor - shift), $0, first, last, splat(0))
        total += e
        write(e, $0)
      })
    return sum(total)
  }

  public static func attentionSlopes(
    _ scores: MutableFloats, _ gradients: MutableFloats, _ narrowScores: MutableHalves?,
    _ narrowGradients: MutableHalves?, _ rows: AttentionRows, _ sums: Floats, _ dots: Floats
  ) {
    let factor = splat(rows.scale)
    for row in 0..<rows.count {
      let (first, last) = rows.seen(row)
      let (line, slopes) = (scores + row * rows.length, gradients + row * rows.length)
      let weights = narrowScores.map { $0 + row * rows.length }
      let changes = narrowGradients.map { $0 + row * rows.length }
      let (shift, mean) = (splat(sums[row * rows.step]), splat(dots[row * rows.step]))
      let (start, end) = (first & ~15, (last + 15) & ~15)
      clear(line, weights, 0, start)
      clear(line, weights, end, rows.length)
      clear(slopes, changes, 0, start)
      clear(slopes, changes, end, rows.length)
      if let weights, let changes {
        eachVector(
          from: first, to: last,
          whole: {
            let p = exponential(load(line + $0) * factor - shift)
            storeHalves(narrowedFinite(p), weights + $0, 16)
            storeHalves(narrowed(p, load(slopes + $0), mean, factor), changes + $0, 16)
          },
          part: {
            let p = inside(
              exponential(load(line + $0) * factor - shift), $0, first, last, splat(0))
            storeHalves(narrowedFinite(p), weights + $0, 16)
            storeHalves(narrowed(p, load(slopes + $0), mean, factor), changes + $0, 16)
          })
      } else {
        eachVector(
          from: first, to: last,
          whole: {
            let p = exponential(load(line + $0) * factor - shift)
            store(p, line + $0)
            store(p * (load(slopes + $0) - mean) * factor, slopes + $0)
          },
          part: {
            let p = inside(
              exponential(load(line + $0) * factor - shift), $0, first, last, splat(0))
            store(p, line + $0)
            store(p * (load(slopes + $0) - mean) * factor, slopes + $0)
          })
      }
    }
  }

  /// A score's slope as bf16.
  @inline(__always)
  private static func narrowed(_ p: Vector, _ gradient: Vector, _ mean: Vector, _ factor: Vector)
    -> SIMD16<UInt16>
  {
    narrowedBF16(p * (gradient - mean) * factor)
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

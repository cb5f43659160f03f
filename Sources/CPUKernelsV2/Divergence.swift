import CPUKernels

extension CompiledKernels {
  public static func divergence(
    _ logits: Floats, _ reference: Floats, _ target: Int, _ result: MutableFloats, _ count: Int
  ) {
    let (peak, expectedPeak) = (largest(logits, count), largest(reference, count))
    let (shift, expectedShift) = (splat(peak), splat(expectedPeak))
    var (total, expectedTotal, cross) = (0.0, 0.0, 0.0)
    // f32 sums of 1024 numbers, added up in f64.
    var start = 0
    while start < count {
      let end = min(start + 1024, count)
      var (s, e, c) = (splat(0), splat(0), splat(0))
      eachVector(end - start) { offset, n in
        let i = start + offset
        let (q, p) = (load(logits + i, n) - shift, load(reference + i, n) - expectedShift)
        var (power, weight) = (exponential(q), exponential(p))
        // What stands behind the last number is no score.
        if n < 16 {
          for lane in n..<16 { (power[lane], weight[lane]) = (0, 0) }
        }
        s += power
        e += weight
        c = multiplyAdd(weight, p - q, c)
      }
      total += Double(sum(s))
      expectedTotal += Double(sum(e))
      cross += Double(sum(c))
      start = end
    }
    let (normalizer, expectedNormalizer) = (logarithm(total), logarithm(expectedTotal))
    let divergence = cross / expectedTotal - expectedNormalizer + normalizer
    // Rounding can leave a tiny negative number where both are equal; NaN stays.
    result[0] = divergence < 0 ? 0 : Float(divergence)
    result[1] = Float(normalizer - Double(logits[target] - peak))
    result[2] = Float(expectedNormalizer - Double(reference[target] - expectedPeak))
    result[3] =
      place(of: peak, logits, count) == place(of: expectedPeak, reference, count) ? 1 : 0
  }
}

/// The largest of `count` numbers; −∞ without any.
@inline(__always)
private func largest(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  var m = splat(-Float.infinity)
  eachVector(count) { i, n in
    if n == 16 {
      m = maximum(m, load(x + i))
    } else {
      for j in 0..<n where x[i + j] > m[0] { m[0] = x[i + j] }
    }
  }
  return maximum(m)
}

/// Where `value` first stands; `count` where it does not.
@inline(__always)
private func place(of value: Float, _ x: UnsafePointer<Float>, _ count: Int) -> Int {
  var i = 0
  while i + 16 <= count, !any(load(x + i) .== splat(value)) { i += 16 }
  while i < count, x[i] != value { i += 1 }
  return i
}

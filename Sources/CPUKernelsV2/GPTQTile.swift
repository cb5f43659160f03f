import CPUKernels

extension CompiledKernels {
  public static func gptqTile(
    _ tile: MutableFloats, _ columns: Int, _ factor: Floats, _ stride: Int, _ grid: TileGrid,
    _ group: Int, _ groups: UnsafePointer<Int32>?, _ scales: MutableFloats,
    _ zeros: MutableFloats, _ codes: UnsafeMutablePointer<UInt8>, _ errors: MutableFloats
  ) {
    let (v, e) = (vectors(tile), vectors(errors))
    let (s, z) = (vectors(scales), vectors(zeros))
    let largest = splat(grid.maximum)
    let shift = splat(roundingShift)
    var (scale, zero) = (splat(1), splat(0))
    var number = 0
    for i in 0..<columns {
      if let groups {
        (scale, zero) = (s[Int(groups[i])], z[Int(groups[i])])
      } else if i == number * group {
        (scale, zero) = gridOf(Vectors(v + i), group, grid)
        s[number] = scale
        z[number] = zero
        number += 1
      }
      let row = factor + i * stride
      let shifted = shiftedCodes(v[i], scale, zero, largest)
      put(shifted, codes, i)
      let error = (v[i] - (shifted - shift - zero) * scale) / splat(row[i])
      e[i] = error
      let back = splat(0) - error
      var j = i + 1
      while j < columns {
        v[j] = multiplyAdd(back, splat(row[j]), v[j])
        j += 1
      }
    }
  }

  public static func spreadErrors(
    _ errors: Floats, _ count: Int, _ factor: Floats, _ stride: Int, _ tile: MutableFloats,
    _ columns: Int
  ) {
    let (v, e) = (vectors(tile), vectors(errors))
    var j = 0
    // Eight columns at a time keep the multipliers busy.
    while j + 8 <= columns {
      var (a, b, c, d) = (splat(0), splat(0), splat(0), splat(0))
      var (f, g, h, i) = (splat(0), splat(0), splat(0), splat(0))
      var row = factor + j
      for k in 0..<count {
        let error = e[k]
        a = multiplyAdd(error, splat(row[0]), a)
        b = multiplyAdd(error, splat(row[1]), b)
        c = multiplyAdd(error, splat(row[2]), c)
        d = multiplyAdd(error, splat(row[3]), d)
        f = multiplyAdd(error, splat(row[4]), f)
        g = multiplyAdd(error, splat(row[5]), g)
        h = multiplyAdd(error, splat(row[6]), h)
        i = multiplyAdd(error, splat(row[7]), i)
        row += stride
      }
      v[j] -= a
      v[j + 1] -= b
      v[j + 2] -= c
      v[j + 3] -= d
      v[j + 4] -= f
      v[j + 5] -= g
      v[j + 6] -= h
      v[j + 7] -= i
      j += 8
    }
    while j < columns {
      var a = splat(0)
      for k in 0..<count { a = multiplyAdd(e[k], splat(factor[k * stride + j]), a) }
      v[j] -= a
      j += 1
    }
  }
}

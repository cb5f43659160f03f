import Testing

@testable import Tensor

/// What of a change is there afterwards, against the definition in f64; and eigenvectors against theirs.
@Suite struct SurvivalTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend(threads: 2) }

  @Test(arguments: RequantizeTests.grids)
  func sumsFollowTheDefinition(grid: Grid) throws {
    let (rows, columns) = (37, 64)
    let weight = RequantizeTests.noise([rows, columns], 2, "weight")
    let matrix = try backend.round(weight, to: grid, rule: .minmax, limits: nil)
    let change = RequantizeTests.noise([rows, columns], 0.3, "change")
    let moved = try backend.requantize(matrix, adding: change)
    let found = try backend.survival(of: change, from: .packed(matrix), to: .packed(moved))
    let old = try backend.read(backend.dequantize(matrix))
    let new = try backend.read(backend.dequantize(moved))
    let want = try backend.read(change)
    let scales = try backend.read(matrix.scales)
    let width = grid.width(columns: columns)
    var sums = (changed: 0, weight: 0.0, intended: 0.0, realized: 0.0, steps: 0.0, product: 0.0)
    for place in old.indices {
      let (d, r) = (Double(want[place]), Double(new[place] - old[place]))
      let step = Double(scales[place / columns * matrix.scales.columns + place % columns / width])
      sums.changed += r == 0 ? 0 : 1
      sums.weight += Double(old[place]) * Double(old[place])
      sums.intended += d * d
      sums.realized += r * r
      sums.product += d * r
      sums.steps += (d / step) * (d / step)
    }
    func near(_ one: Double, _ two: Double) -> Bool { abs(one - two) <= 1e-9 * abs(two) }
    #expect(found.count == rows * columns && found.changed == sums.changed && found.hasSteps)
    #expect(near(found.weight, sums.weight) && near(found.intended, sums.intended))
    #expect(near(found.realized, sums.realized) && near(found.product, sums.product))
    #expect(near(found.steps, sums.steps))
    // Of float weights all survives, and there is no step.
    let float = try backend.survival(
      of: change, from: .dense(weight), to: .dense(backend.add(weight, change)))
    #expect(!float.hasSteps && float.changed == rows * columns)
    #expect(abs(float.product / float.intended - 1) < 1e-5)
  }

  @Test func eigenvectorsAreThose() throws {
    let n = 24
    let x = RequantizeTests.noise([60, n], 1, "x")
    let gram = try backend.product(
      x, transposed: true, x, transposed: false, alpha: 1, beta: 0, into: nil)
    let found = try backend.eigenvectors(of: gram, count: 7)
    #expect(found.values.count == 7 && found.vectors.shape == [7, n])
    #expect(found.values == found.values.sorted(by: >))
    let turned = try backend.read(
      backend.product(
        found.vectors, transposed: false, gram, transposed: false, alpha: 1, beta: 0, into: nil))
    let vectors = try backend.read(found.vectors)
    for place in turned.indices {
      #expect(abs(turned[place] - found.values[place / n] * vectors[place]) < 1e-3)
    }
    let all = try backend.eigenvectors(of: gram, count: n).values.reduce(0, +)
    let trace = try backend.read(gram).enumerated().reduce(Float(0)) {
      $1.offset % (n + 1) == 0 ? $0 + $1.element : $0
    }
    #expect(abs(all / trace - 1) < 1e-4)
    #expect(throws: ShapeMismatch.self) { try backend.eigenvectors(of: gram, count: n + 1) }
  }
}

import TestSupport
import Testing

@testable import Tensor

/// Moving codes on their own grid, against the definition in f64.
struct RequantizeTests {
  let backend: CPUBackend
  init() throws { backend = try CPUBackend() }

  static let grids = [
    Grid(bits: 4, group: 16, symmetric: true), Grid(bits: 3, group: 16, symmetric: false),
    Grid(bits: 2, group: 32, symmetric: true, scaleType: .f16),
    Grid(bits: 8, group: nil, symmetric: false),
  ]

  static func noise(_ shape: [Int], _ scale: Float, _ purpose: String) -> Tensor {
    let stream = RandomStream(seed: 4, purpose: purpose)
    return Tensor(
      (0..<shape.reduce(1, *)).map { (stream.uniform($0) - 0.5) * scale }, shape: shape)
  }

  @Test(arguments: grids)
  func codesAreTheNearestOnTheirGrid(grid: Grid) throws {
    let (rows, columns) = (37, 64)
    let weight = Self.noise([rows, columns], 2, "weight")
    let matrix = try backend.round(weight, to: grid, rule: .minmax, limits: nil)
    let delta = Self.noise([rows, columns], 1, "delta")
    let moved = try backend.requantize(matrix, adding: delta)
    #expect(moved.scales.id == matrix.scales.id)
    let (before, after, change) = (
      try backend.read(backend.dequantize(matrix)), try backend.read(backend.dequantize(moved)),
      try backend.read(delta)
    )
    let scales = try backend.read(matrix.scales)
    let zeros = try matrix.zeros.map { try backend.read($0) }
    let width = grid.width(columns: columns)
    for place in before.indices {
      let group = place / columns * matrix.scales.columns + place % columns / width
      let (scale, zero) = (Double(scales[group]), Double(zeros?[group] ?? Float(grid.midpoint)))
      let exact = min(
        max(Double(before[place]) + Double(change[place]), -zero * scale),
        (Double(grid.maximum) - zero) * scale)
      #expect(abs(Double(after[place]) - exact) <= scale * (0.5 + 1e-4))
    }
  }

  /// What other backends inherit computes the same codes.
  @Test(arguments: grids)
  func theHostGivesTheSameBits(grid: Grid) throws {
    let matrix = try backend.round(
      Self.noise([21, 64], 2, "weight"), to: grid, rule: .minmax, limits: nil)
    let delta = Self.noise([21, 64], 0.5, "delta")
    let fast = try backend.requantize(matrix, adding: delta)
    let plain = try backend.hostRequantize(matrix, adding: delta)
    #expect(try backend.read(fast.codes) == backend.read(plain.codes))
  }

  @Test func nothingAddedChangesNothing() throws {
    for grid in Self.grids {
      let matrix = try backend.round(
        Self.noise([16, 64], 2, "weight"), to: grid, rule: .minmax, limits: nil)
      let zero = try backend.make([16, 64], .f32)
      try backend.fill(zero, with: 0)
      let same = try backend.requantize(matrix, adding: zero)
      #expect(try backend.read(same.codes) == backend.read(matrix.codes))
    }
  }

  /// Columns that belong to other groups than their neighbours, as orders that permute columns leave them.
  @Test func theIndexOfGroupsIsFollowed() throws {
    let grid = Grid(bits: 4, group: 16, symmetric: false)
    let (rows, columns) = (3, 32)
    let plain = try backend.round(
      Self.noise([rows, columns], 2, "weight"), to: grid, rule: .minmax, limits: nil)
    // Every column keeps its code and takes the other group's scale and zero point.
    let index = HostStorage(byteCount: columns * 4)
    let groups = try #require(index.host).assumingMemoryBound(to: Int32.self)
    for column in 0..<columns { groups[column] = column < 16 ? 1 : 0 }
    let matrix = PackedMatrix(
      rows: rows, columns: columns, grid: grid, codes: plain.codes, scales: plain.scales,
      zeros: plain.zeros, groupIndex: Tensor(index, shape: [columns], dtype: .i32))
    let delta = Self.noise([rows, columns], 0.5, "delta")
    let moved = try backend.read(backend.dequantize(backend.requantize(matrix, adding: delta)))
    let before = try backend.read(backend.dequantize(matrix))
    let (change, scales) = (try backend.read(delta), try backend.read(matrix.scales))
    let zeros = try backend.read(#require(matrix.zeros))
    for place in before.indices {
      let group = place / columns * 2 + (place % columns < 16 ? 1 : 0)
      let (scale, zero) = (scales[group], zeros[group])
      let exact = min(max(before[place] + change[place], -zero * scale), (15 - zero) * scale)
      #expect(abs(moved[place] - exact) <= scale * 0.501)
    }
    groups[5] = 2
    #expect(throws: ShapeMismatch.self) { try backend.requantize(matrix, adding: delta) }
  }
}

import CPUKernels

/// The gradients of an adapter's factors: `dA = gᵀ · drop(x)` and `dB = scale · dyᵀ · low`.
///
/// The sums over rows are cut into parts that depend on their number alone, and the parts added up in order: so every
/// product reads contiguous rows, a part may be made wherever its rows are at hand, and the result is the same on any
/// number of threads.
struct FactorSums {
  let parts: [Range<Int>]
  private let g: Factor
  private let masked: Factor
  private let low: Factor
  private let dy: Factor
  private let inputs: Int
  private let outputs: Int
  private let rank: Int
  private let scale: Float
  private let da: Tensor
  private let db: Tensor
  /// The first part lies in the results; the others here, dA and dB of each side by side.
  private let others: Tensor
  private let first: (a: UnsafeMutablePointer<Float>, b: UnsafeMutablePointer<Float>)
  private let space: UnsafeMutablePointer<Float>

  /// - Parameters:
  ///   - g: dy · B `[n, rank]`, B scaled.
  ///   - masked: drop(x) `[n, in]`.
  ///   - low: drop(x) · Aᵀ `[n, rank]`.
  ///   - dy: `[n, out]`.
  ///   - scale: What stands in front of B.
  init(
    g: Factor, masked: Factor, low: Factor, dy: Factor, rows: Int, inputs: Int, outputs: Int,
    rank: Int, scale: Float, _ backend: CPUBackend
  ) throws {
    (self.g, self.masked, self.low, self.dy) = (g, masked, low, dy)
    (self.inputs, self.outputs, self.rank, self.scale) = (inputs, outputs, rank, scale)
    // At most 16 parts, for their memory.
    parts = (0..<rows).parts(of: max(256, (rows + 4095) / 4096 * 256))
    let name = "linearBackward"
    da = try backend.make([rank, inputs], .f32)
    db = try backend.make([outputs, rank], .f32)
    others = try backend.make([max(parts.count - 1, 0), rank * (inputs + outputs)], .f32)
    first = (try da.floats(name), try db.floats(name))
    space = try others.floats(name)
  }

  /// Makes both sums of a part; its rows of g and dy must be there.
  func make(_ index: Int, _ workspace: Workspace) {
    makeA(index, workspace)
    makeB(index, workspace)
  }

  private func makeA(_ index: Int, _ workspace: Workspace) {
    let part = parts[index]
    workspace.multiply(
      m: rank, n: inputs, k: part.count, g.from(row: part.lowerBound, column: 0).transpose,
      masked.from(row: part.lowerBound, column: 0), index == 0 ? first.a : other(index),
      stride: inputs)
  }

  private func makeB(_ index: Int, _ workspace: Workspace) {
    let part = parts[index]
    workspace.multiply(
      m: outputs, n: rank, k: part.count, dy.from(row: part.lowerBound, column: 0).transpose,
      low.from(row: part.lowerBound, column: 0),
      index == 0 ? first.b : other(index) + rank * inputs, stride: rank)
  }

  private func other(_ index: Int) -> UnsafeMutablePointer<Float> {
    space + (index - 1) * others.columns
  }

  /// Adds the parts up, after making them where that was not done.
  ///
  /// - Throws: `Cancelled`.
  func finish(_ backend: CPUBackend, areMade: Bool) throws -> (da: Tensor, db: Tensor) {
    guard !parts.isEmpty else {
      for sum in [da, db] { try backend.fill(sum, with: 0) }
      return (da, db)
    }
    if !areMade {
      try backend.parallelSteps(2 * parts.count) { task, workspace in
        if task % 2 == 0 { makeA(task / 2, workspace) } else { makeB(task / 2, workspace) }
      }
    }
    add(to: first.a, rank * inputs, from: 0, factor: 1, backend)
    add(to: first.b, rank * outputs, from: rank * inputs, factor: scale, backend)
    withExtendedLifetime(others) {}
    return (da, db)
  }

  /// `sum = factor · (sum + Σ others)` over `count` elements.
  private func add(
    to sum: UnsafeMutablePointer<Float>, _ count: Int, from offset: Int, factor: Float,
    _ backend: CPUBackend
  ) {
    let kernels = backend.kernels
    let length = 4096
    backend.parallelRows((count + length - 1) / length, width: length * parts.count) { range, _ in
      for place in range {
        let start = place * length
        let part = min(length, count - start)
        for index in 1..<max(parts.count, 1) {
          kernels.add(sum + start, other(index) + offset + start, sum + start, part)
        }
        if factor != 1 { kernels.scale(sum + start, factor, sum + start, part) }
      }
    }
  }
}

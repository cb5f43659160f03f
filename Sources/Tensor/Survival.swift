import Runtime

/// Sums over the weights of a layer that say how much of a change is there after rounding.
public struct Survival: Sendable, Hashable {
  /// Weights, and those that are not what they were.
  public private(set) var count = 0
  public private(set) var changed = 0
  /// Sums of squares: of the weights before, of the intended change, of the realized one, and of the intended in steps of
  /// the grid.
  public private(set) var weight = 0.0
  public private(set) var intended = 0.0
  public private(set) var realized = 0.0
  public private(set) var steps = 0.0
  /// Sum of the products of intended and realized change.
  public private(set) var product = 0.0
  /// Whether there is a grid.
  public private(set) var hasSteps = false

  public init() {}

  /// - Parameters:
  ///   - change: What the change should have been, f32 `[rows, columns]`.
  ///   - before: The weight; with `after` float, or both on one grid.
  /// - Throws: `Cancelled`, and what the backend throws.
  init(of change: Tensor, from before: Weight, to after: Weight, on backend: any Backend) throws {
    func floats(_ weight: Weight) throws -> Tensor {
      switch weight {
      case .dense(let tensor): tensor
      case .packed(let matrix): try backend.dequantize(matrix)
      }
    }
    let (old, new) = (try floats(before), try floats(after))
    var groups: [Int] = []
    if case .packed(let matrix) = before {
      let width = matrix.grid.width(columns: matrix.columns)
      groups =
        try matrix.groupIndex.map { try backend.read($0).map { Int($0) } }
        ?? (0..<matrix.columns).map { $0 / width }
    }
    // Rows in blocks small enough to hold a few of as f32.
    let height = max(1, (1 << 22) / max(1, change.columns))
    for start in stride(from: 0, to: change.rows, by: height) {
      try Interrupt.check()
      let rows = start..<min(start + height, change.rows)
      let part = (
        before: try backend.read(old.rows(rows)), after: try backend.read(new.rows(rows)),
        intended: try backend.read(change.rows(rows))
      )
      var step: [Float]?
      if case .packed(let matrix) = before {
        let scales = try backend.read(matrix.scales.rows(rows))
        step = (0..<rows.count).flatMap { row in
          groups.map { abs(scales[row * matrix.scales.columns + $0]) }
        }
      }
      add(before: part.before, after: part.after, intended: part.intended, step: step)
    }
  }

  /// Adds weights before and after, what the change should have been, and the grid's step at each where there is one.
  private mutating func add(
    before: [Float], after: [Float], intended: [Float], step: [Float]? = nil
  ) {
    before.withUnsafeBufferPointer { before in
      after.withUnsafeBufferPointer { after in
        intended.withUnsafeBufferPointer { intended in
          for index in before.indices {
            let (want, got) = (Double(intended[index]), Double(after[index] - before[index]))
            weight += Double(before[index]) * Double(before[index])
            self.intended += want * want
            realized += got * got
            product += want * got
            changed += got == 0 ? 0 : 1
          }
        }
      }
    }
    if let step {
      hasSteps = true
      for (want, step) in zip(intended, step) where step > 0 {
        let ratio = Double(want) / Double(step)
        steps += ratio * ratio
      }
    }
    count += before.count
  }

  public static func += (total: inout Survival, part: Survival) {
    total.count += part.count
    total.changed += part.changed
    total.weight += part.weight
    total.intended += part.intended
    total.realized += part.realized
    total.product += part.product
    total.steps += part.steps
    total.hasSteps = total.hasSteps || part.hasSteps
  }

  /// Of so many weights, nothing else known.
  static func unknown(count: Int, hasSteps: Bool) -> Survival {
    var sums = Survival()
    (sums.count, sums.hasSteps) = (count, hasSteps)
    return sums
  }
}

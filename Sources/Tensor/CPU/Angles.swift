/// A rotary table as kernels take it.
struct Angles {
  var cosine: UnsafePointer<Float>
  var sine: UnsafePointer<Float>
  /// Angles per position.
  var half: Int

  /// - Throws: `ShapeMismatch` where the table is shorter than a sequence of `length` tokens, or wider than a head.
  init(_ table: RotaryTable, length: Int, width: Int, _ operation: String) throws {
    half = table.cosine.columns
    try require(table.cosine, operation, "cosines", rows: nil, columns: nil)
    try require(table.sine, operation, "sines", rows: table.cosine.rows, columns: half)
    try require(
      table.cosine.isContiguous && table.sine.isContiguous && 2 * half <= width, operation,
      expected: "contiguous tables of at most \(width / 2) angles", found: table.cosine.summary)
    try require(
      length <= table.positions, operation,
      expected: "at most \(table.positions) tokens in a sequence", found: "\(length)")
    cosine = UnsafePointer(try table.cosine.floats(operation))
    sine = UnsafePointer(try table.sine.floats(operation))
  }
}

extension Segments {
  /// The rotary table of each segment.
  func tables(_ rotary: Rotary, _ operation: String, width: Int = .max) throws -> [Angles] {
    try (0..<count).map {
      try Angles(
        rotary.table(length: self[$0].count), length: self[$0].count, width: width, operation)
    }
  }
}

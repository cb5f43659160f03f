import Runtime
import Tensor

/// The same numbers on both sides.
struct Pair {
  /// On the device that is checked.
  var device: Tensor
  /// On the reference.
  var reference: Tensor

  func columns(_ range: Range<Int>) -> Pair {
    Pair(device: device.columns(range), reference: reference.columns(range))
  }

  func rows(_ range: Range<Int>) -> Pair {
    Pair(device: device.rows(range), reference: reference.rows(range))
  }
}

/// One operation's check: draws inputs and records outcomes.
struct Trial {
  let operation: String
  let device: any Backend
  let reference: any Backend
  private(set) var outcomes: [Conformance.Outcome] = []
  /// The case that is being checked.
  var what = ""
  private let stream: RandomStream
  private var drawn = 0

  init(_ operation: String, _ device: any Backend, _ reference: any Backend, seed: UInt64) {
    (self.operation, self.device, self.reference) = (operation, device, reference)
    stream = RandomStream(seed: seed, purpose: "conformance \(operation)")
  }

  // MARK: Inputs

  /// Numbers that are close to normally distributed.
  mutating func numbers(_ count: Int, scale: Float = 1) -> [Float] {
    defer { drawn += count }
    return (drawn..<drawn + count).map { index in
      let words = stream.block(UInt64(index))
      let sum = (0..<4).reduce(Float(0)) { $0 + Float(words[$1] >> 8) * 0x1p-24 }
      return (sum - 2) * scale * 1.732_050_8
    }
  }

  /// Whole numbers below `bound`.
  mutating func integers(_ count: Int, below bound: Int) -> [Int] {
    defer { drawn += count }
    return (drawn..<drawn + count).map { Int(stream.block(UInt64($0)).x) % bound }
  }

  /// A tensor of one type on both sides.
  mutating func tensor(_ shape: [Int], _ dtype: DType = .f32, scale: Float = 1) throws -> Pair {
    try pair(Tensor(numbers(shape.reduce(1, *), scale: scale), shape: shape), dtype)
  }

  func pair(_ host: Tensor, _ dtype: DType = .f32) throws -> Pair {
    let stored = try reference.convert(host, to: dtype)
    return Pair(device: try device.place(stored), reference: stored)
  }

  /// Activations `[rows, columns]`: each side in its own type, of the same values, which bf16 holds; as a view where
  /// wanted.
  mutating func activation(_ rows: Int, _ columns: Int, scale: Float = 1, isView: Bool = false)
    throws -> Pair
  {
    let width = isView ? columns + 24 : columns
    let all = Tensor(numbers(rows * width, scale: scale), shape: [rows, width])
    let narrow = try reference.convert(all, to: .bf16)
    let pair = Pair(
      device: try device.place(try reference.convert(narrow, to: device.activation)),
      reference: try reference.convert(narrow, to: reference.activation))
    return isView ? pair.columns(8..<8 + columns) : pair
  }

  /// Tensors for results, the device's filled with NaN where it can.
  func room(_ rows: Int, _ columns: Int) throws -> Pair {
    Pair(
      device: try device.make([rows, columns], device.activation),
      reference: try reference.make([rows, columns], reference.activation))
  }

  // MARK: Outcomes

  mutating func expect(
    _ part: String, _ found: Tensor?, _ wanted: Tensor?, within tolerance: Double
  ) throws {
    guard let found, let wanted else {
      return record(
        part, (found == nil) == (wanted == nil) ? 0 : .nan, within: tolerance)
    }
    guard found.shape == wanted.shape else { return record(part, .nan, within: tolerance) }
    expect(part, try device.read(found), try reference.read(wanted), within: tolerance)
  }

  mutating func expect(
    _ part: String, _ found: [Float], _ wanted: [Float], within tolerance: Double
  ) {
    var (difference, size) = (0.0, 0.0)
    for (a, b) in zip(found, wanted) {
      difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
      size += Double(b) * Double(b)
    }
    let isComplete = found.count == wanted.count
    record(
      part,
      !isComplete ? .nan : difference == 0 ? 0 : (difference / max(size, 1e-300)).squareRoot(),
      within: tolerance)
  }

  mutating func expect(
    _ part: String, _ found: Double?, _ wanted: Double?, within tolerance: Double
  ) {
    guard let found, let wanted else {
      return record(part, (found == nil) == (wanted == nil) ? 0 : .nan, within: tolerance)
    }
    record(part, abs(found - wanted) / max(abs(wanted), 1e-300), within: tolerance)
  }

  /// Compares scales, zero points and codes; of codes, the share that differs.
  mutating func expect(_ found: PackedMatrix, _ wanted: PackedMatrix, ties: Double) throws {
    let scales = try (device.read(found.scales), reference.read(wanted.scales))
    // A scale may hang on a near tie as a code does.
    let moved = zip(scales.0, scales.1).filter { abs($0 - $1) > 1e-6 * abs($1) }.count
    record("scales", Double(moved) / Double(max(scales.1.count, 1)), within: ties)
    if let a = found.zeros, let b = wanted.zeros {
      let zeros = try (device.read(a), reference.read(b))
      let share = Double(zip(zeros.0, zeros.1).filter { $0 != $1 }.count)
      record("zeros", share / Double(max(zeros.1.count, 1)), within: ties)
    } else if (found.zeros == nil) != (wanted.zeros == nil) {
      record("zeros", .nan, within: ties)
    }
    if let a = found.groupIndex, let b = wanted.groupIndex {
      try expect("index", a, b, within: Tolerance.exact)
    }
    let (a, b) = (
      Self.codes(try device.read(found.codes), found),
      Self.codes(try reference.read(wanted.codes), wanted)
    )
    let share = Double(zip(a, b).filter { $0 != $1 }.count) / Double(max(b.count, 1))
    record("codes", a.count == b.count ? share : .nan, within: ties)
  }

  /// The codes of all rows, from their bytes.
  static func codes(_ bytes: [Float], _ matrix: PackedMatrix) -> [Int] {
    let bits = matrix.grid.bits
    let width = PackedMatrix.bytesPerRow(columns: matrix.columns, bits: bits)
    guard bytes.count == matrix.rows * width else { return [] }
    return (0..<matrix.rows).flatMap { row in
      (0..<matrix.columns).map { column in
        let (byte, shift) = (row * width + column * bits / 8, column * bits % 8)
        var window = Int(bytes[byte])
        if shift + bits > 8 { window |= Int(bytes[byte + 1]) << 8 }
        return window >> shift & ((1 << bits) - 1)
      }
    }
  }

  mutating func record(_ part: String, _ error: Double, within tolerance: Double) {
    outcomes.append(
      Conformance.Outcome(
        operation: operation, what: [what, part].filter { !$0.isEmpty }.joined(separator: ": "),
        error: error, tolerance: tolerance))
  }

  mutating func fail(_ error: any Error) {
    outcomes.append(
      Conformance.Outcome(
        operation: operation, what: what, error: .nan, tolerance: 0,
        failure: (error as? any Failure)?.message ?? "\(error)"))
  }

  /// Runs one case; what it throws is recorded, and the next case runs.
  mutating func attempt(_ what: String, _ body: (inout Trial) throws -> Void) throws {
    self.what = what
    do { try body(&self) } catch is Cancelled { throw Cancelled() } catch { fail(error) }
  }
}

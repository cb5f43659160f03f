import Runtime

/// Stands in for a device while work is rehearsed: tensors have shapes and types but no elements, and operations are
/// noted instead of computed. Verbs run on it as they are, so that a plan cannot disagree with what is done.
///
/// Elements read as ones, which keeps sums, logarithms and divisions finite; what was placed from the host reads as it is.
///
/// A rehearsal is a session's own and runs on one thread.
public final class RehearsalBackend: Backend, @unchecked Sendable {
  /// The device that is stood in for.
  public let real: any Backend
  let memory: RehearsalMemory
  private var log = OperationLog()
  private let clock = ContinuousClock()
  /// When the last operation had been noted.
  private var last: ContinuousClock.Instant

  /// Between two operations: from here on the host works on its own instead of asking for the next one.
  private static let pause = 200e-6
  /// Bytes up to which a placed tensor is kept, to read as it is.
  private static let kept = 16 << 20

  public init(_ real: any Backend) {
    self.real = real
    memory = RehearsalMemory(of: real.device)
    last = clock.now
  }

  public var standsFor: any Backend { real }
  public var device: Device { real.device }
  public var activation: DType { real.activation }
  public func operand(_ precision: Precision) -> DType { real.operand(precision) }
  public func supports(_ precision: Precision) -> Bool { real.supports(precision) }
  /// The device's own: stages have the names that they will have there.
  public var arithmetic: String { real.arithmetic }

  var isCPU: Bool { device.kind == .cpu }

  // MARK: The book

  /// Begins a stage.
  public func begin() {
    log = OperationLog()
    memory.begin()
    last = clock.now
  }

  /// What was asked for since the stage began.
  public func end() -> OperationLog {
    wait()
    log.peakMemory = memory.peak
    return log
  }

  /// What was asked for so far.
  public var soFar: OperationLog { log }

  /// Runs `body` without noting its operations: the memory that it leaves behind counts, what it takes in passing does not.
  public func unnoticed<Result>(_ body: () throws -> Result) rethrows -> Result {
    let (before, peak) = (log, memory.peak)
    defer {
      log = before
      memory.begin(at: peak)
      last = clock.now
    }
    return try body()
  }

  /// The time since the last operation is the host's.
  private func wait() {
    let now = clock.now
    let seconds: Double = (now - last) / .seconds(1)
    if seconds > Self.pause { log.hostSeconds += seconds } else { log.askingSeconds += seconds }
    last = now
  }

  /// Notes an operation.
  func note(_ operation: Operation) {
    wait()
    log.counts[operation, default: 0] += 1
  }

  /// Memory that an operation takes while it runs.
  func scratch(_ bytes: Int) {
    memory.take(bytes, isPooled: true)
    memory.give(bytes, isPooled: true)
  }

  /// A tensor that is counted.
  func counted(_ shape: [Int], _ dtype: DType) -> Tensor {
    Tensor(
      RehearsedStorage(byteCount: shape.reduce(dtype.size, *), memory: memory), shape: shape,
      dtype: dtype)
  }

  /// Codes, scales and zero points on a grid.
  func packed(_ rows: Int, _ columns: Int, _ grid: Grid, order: ColumnOrder? = nil) -> PackedMatrix
  {
    let groups = grid.groups(columns: columns)
    let isFormed = order?.grouping == .formed && grid.group != nil
    return PackedMatrix(
      rows: rows, columns: columns, grid: grid,
      codes: counted([rows, PackedMatrix.bytesPerRow(columns: columns, bits: grid.bits)], .u8),
      scales: counted([rows, groups], grid.scaleType),
      zeros: grid.symmetric ? nil : counted([rows, groups], .u8),
      groupIndex: isFormed ? counted([columns], .i32) : nil)
  }

  // MARK: Memory

  public func make(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    guard shape.allSatisfy({ $0 >= 0 }) else {
      throw ShapeMismatch(
        operation: "make", expected: "a shape that memory can hold", found: "\(shape)")
    }
    return counted(shape, dtype)
  }

  public func trim() { memory.trim() }

  /// A stand-in of the tensor. A processor reads host memory where it is, so that a mapped file costs what of it is read.
  public func place(_ host: Tensor) throws -> Tensor {
    guard !(host.storage is RehearsedStorage) else { return host }
    let isWhole = host.offset == 0 && host.isContiguous
    let keeps = host.storage is BorrowedStorage || host.byteCount <= Self.kept
    return Tensor(
      RehearsedStorage(
        byteCount: host.byteCount, memory: memory, isPooled: false,
        original: isWhole && keeps ? host.storage : nil),
      shape: host.shape, dtype: host.dtype)
  }

  public func read(_ tensor: Tensor) throws -> [Float] {
    note(.read(count: tensor.count, tensor.dtype))
    defer { last = clock.now }
    if let original = (tensor.storage as? RehearsedStorage)?.original {
      let own = Tensor(
        original, shape: tensor.shape, dtype: tensor.dtype, offset: tensor.offset,
        rowStride: tensor.rowStride)
      return try real.read(real.place(own))
    }
    return [Float](repeating: 1, count: tensor.count)
  }

  public func convert(_ source: Tensor, to dtype: DType) throws -> Tensor {
    note(.convert(count: source.count, source.dtype, to: dtype))
    return counted(source.shape, dtype)
  }

  public func copy(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape && source.dtype == target.dtype, "copy",
      expected: target.summary, found: source.summary)
    note(.copy(count: source.count, source.dtype))
  }

  public func fill(_ target: Tensor, with value: Float) throws {
    note(.fill(count: target.count, target.dtype))
  }

  public func fill(_ target: Tensor, from stream: RandomStream, deviation: Float) throws {
    note(.draw(count: target.count, target.dtype))
  }

  public func packed(_ weight: Tensor, bothWays: Bool) -> Tensor {
    guard real.lanes > 0 else { return weight }
    note(.copy(count: weight.count * (bothWays ? 2 : 1), weight.dtype))
    return Tensor(
      RehearsedForms(of: weight, copies: bothWays ? 2 : 1, memory), shape: weight.shape,
      dtype: weight.dtype)
  }

  public func prepared(_ term: AdapterTerm, precision: Precision) throws -> AdapterTerm {
    guard real.lanes > 0 else { return term }
    var prepared = term
    // Factors in the products' type, laid out for both ways.
    prepared.forms = RehearsedFactors(
      counted([3 * (term.a.count + term.b.count)], operand(precision)))
    return prepared
  }

  public func add(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try require(a.shape == b.shape, "add", expected: a.summary, found: b.summary)
    note(.add(count: a.count, a.dtype))
    return counted(a.shape, a.dtype == b.dtype ? a.dtype : .f32)
  }

  public func accumulate(_ source: Tensor, into target: Tensor) throws {
    try require(
      source.shape == target.shape, "accumulate", expected: target.summary, found: source.summary)
    note(.accumulate(count: target.count, target.dtype))
  }
}

/// A weight and its forms for products, which are counted.
private final class RehearsedForms: Storage, @unchecked Sendable {
  private let plain: Storage
  private let forms: RehearsedStorage

  init(of weight: Tensor, copies: Int, _ memory: RehearsalMemory) {
    plain = weight.storage
    forms = RehearsedStorage(byteCount: copies * weight.byteCount, memory: memory)
    super.init(byteCount: weight.storage.byteCount)
  }
}

/// An adapter's forms for products, which are counted.
private final class RehearsedFactors: AdapterForms, @unchecked Sendable {
  private let room: Tensor
  init(_ room: Tensor) { self.room = room }
}

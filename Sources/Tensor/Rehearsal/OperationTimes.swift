import Runtime

/// How long operations take on a device: measured where it matters most, and from those for the others.
public struct OperationTimes: Sendable {
  /// What is measured, by the operation's text, in seconds.
  public private(set) var measured: [String: Double]
  /// The same by name, with the work that it stands for.
  private var families: [String: [(work: Double, seconds: Double)]] = [:]
  private let isCPU: Bool

  /// - Parameter known: What was measured before on the same device with the same program.
  public init(on backend: any Backend, known: [String: Double] = [:]) {
    isCPU = backend.device.kind == .cpu
    measured = known
  }

  /// Seconds of one run.
  public func seconds(of operation: Operation) -> Double {
    if let known = measured["\(operation)"] { return known }
    let work = Self.work(operation)
    // Operations of one kind go at about one speed; the one nearest in size says which.
    let nearest = families[operation.name]?.min {
      abs($0.work.ratio(to: work)) < abs($1.work.ratio(to: work))
    }
    guard let nearest else { return guess(operation) }
    return nearest.seconds * max(work, 1) / max(nearest.work, 1)
  }

  /// Measures those of `counts` that take most of the time, the costliest first, for at most `limit` seconds in all.
  ///
  /// - Returns: Whether anything was measured.
  /// - Throws: `Cancelled`, `OutOfMemory`.
  public mutating func measure(
    _ counts: [Operation: Int], on backend: any Backend, limit: Double = 10,
    progress: ProgressHandler? = nil
  ) throws -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    var wanted: [(operation: Operation, cost: Double)] = []
    var total = 0.0
    for (operation, count) in counts {
      let cost = guess(operation) * Double(count)
      total += cost
      if let seconds = measured["\(operation)"] {
        families[operation.name, default: []].append((Self.work(operation), seconds))
      } else {
        wanted.append((operation, cost))
      }
    }
    // The order must not depend on that of a dictionary.
    wanted.sort { $0.cost == $1.cost ? "\($0.operation)" < "\($1.operation)" : $0.cost > $1.cost }
    var left = wanted.reduce(0) { $0 + $1.cost }
    var seen: Set<String> = []
    var count = 0
    for (operation, cost) in wanted {
      try Interrupt.check()
      // Each kind is looked at once, however little it seems to cost: guesses are no more than that.
      let isNew = seen.insert(operation.name).inserted && families[operation.name] == nil
      defer { left -= cost }
      guard isNew || left > total * 0.002 else { continue }
      let elapsed: Double = (clock.now - start) / .seconds(1)
      guard elapsed < limit else { break }
      progress?(
        Progress(
          stage: "plan, timing", done: Int(elapsed * 10), total: Int(limit * 10), unit: "tenths"))
      let seconds = try time(operation, on: backend)
      measured["\(operation)"] = seconds
      families[operation.name, default: []].append((Self.work(operation), seconds))
      count += 1
    }
    backend.trim()
    return count > 0
  }

  /// Seconds of one run on `backend`; of a large operation a part is run.
  private func time(_ operation: Operation, on backend: any Backend) throws -> Double {
    var part = operation
    while guess(part) > 0.15 || part.bytes > 0x1p29, let smaller = part.halved { part = smaller }
    let ratio = Self.work(operation) / max(Self.work(part), 1)
    let run = try part.trial(on: backend)
    let clock = ContinuousClock()
    func seconds(_ times: Int) throws -> Double {
      let start = clock.now
      var last: Tensor?
      for _ in 0..<times { last = try run() }
      if !isCPU, let last { _ = try backend.read(last.first) }
      return (clock.now - start) / .seconds(1) / Double(times)
    }
    // The first run compiles (on a GPU for a second, where the kernel is new to the machine), and fetches memory.
    var first = try seconds(1)
    if !isCPU { first = try seconds(1) }
    if first > 0.3 { return first * ratio }
    var found: [Double] = []
    var spent = 0.0
    // A GPU is asked for several at once, so that waiting for the end weighs little.
    let times = isCPU ? 1 : max(1, min(50, Int(2e-3 / max(first, 1e-6))))
    while found.count < 3 || (spent < 0.02 && found.count < 15) {
      let one = try seconds(times)
      found.append(one)
      spent += one * Double(times)
    }
    return found.sorted()[found.count / 2] * ratio
  }

  /// What the time of operations of one kind grows with.
  private static func work(_ operation: Operation) -> Double {
    operation.flops + 4 * operation.bytes
  }

  /// Without any measurement.
  private func guess(_ operation: Operation) -> Double {
    let (rate, width, least) = isCPU ? (1e11, 1e10, 2e-6) : (2e14, 1.5e12, 6e-6)
    return max(operation.flops / rate, operation.bytes / width, least)
  }
}

extension Double {
  /// How many doublings apart.
  fileprivate func ratio(to other: Double) -> Double {
    (max(self, 1) / max(other, 1)).magnitude.exponentDistance
  }

  private var exponentDistance: Double {
    let value = self >= 1 ? self : 1 / self
    return Double(value.exponent) + value.significand
  }
}

extension Tensor {
  /// The first element: reading it waits for all that was asked for.
  var first: Tensor {
    Tensor(storage, shape: [1, 1], dtype: dtype, offset: offset, rowStride: 1)
  }
}

extension Operation {
  /// The same on about half of the rows, where it can be cut.
  var halved: Operation? {
    func half(_ n: Int) -> Int? { n >= 64 ? n / 2 : nil }
    func half(_ form: WeightForm) -> WeightForm? {
      guard form.rows >= 64 else { return nil }
      var form = form
      form.rows /= 2
      return form
    }
    func half(_ segments: Segments) -> Segments? {
      guard segments.count > 1 else { return nil }
      return Segments(lengths: (0..<segments.count / 2).map { segments[$0].count })
    }
    switch self {
    case .linear(let n, let form, let input, let bias, let adapter, let precision):
      return half(n).map {
        .linear(n: $0, form, input: input, bias: bias, adapter, precision)
      }
    case .linearBackward(
      let n, let form, let input, let gradient, let adapter, let precision, let needsInput):
      return half(n).map {
        .linearBackward(
          n: $0, form, input: input, gradient: gradient, adapter, precision,
          needsInput: needsInput)
      }
    case .attention(let segments, let shape, let precision, let keeps):
      return half(segments).map { .attention($0, shape, precision, keeps: keeps) }
    case .attentionBackward(let segments, let shape, let precision, let type):
      return half(segments).map { .attentionBackward($0, shape, precision, as: type) }
    case .crossEntropy(let n, let head, let isTaped, let precision):
      return half(n).map { .crossEntropy(n: $0, head, isTaped: isTaped, precision) }
    case .gram(let n, let width, let type, let precision):
      return half(n).map { .gram(n: $0, width: width, type, precision) }
    case .inverseFactor(let width): return half(width).map { .inverseFactor(width: $0) }
    case .gptq(let form, let grid, let rule, let grouping):
      return half(form).map { .gptq($0, grid, rule, grouping) }
    case .round(let form, let grid, let rule, let isLimited):
      return half(form).map { .round($0, grid, rule, isLimited: isLimited) }
    case .roundingError(let form, let type, let weighs):
      return half(form).map { .roundingError($0, of: type, weighs: weighs) }
    case .scaledRoundingCost(let form, let grid, let rule):
      return half(form).map { .scaledRoundingCost($0, grid, rule) }
    case .clippingLimits(let form, let grid, let rule):
      return half(form).map { .clippingLimits($0, grid, rule) }
    case .divergence(let n, let vocabulary):
      return half(n).map { .divergence(n: $0, vocabulary: vocabulary) }
    case .masked(let n, let width, let type):
      return half(n).map { .masked(n: $0, width: width, type) }
    case .columnDots(let n, let width, let type):
      return half(n).map { .columnDots(n: $0, width: width, type) }
    case .rowNorms(let form): return half(form).map { .rowNorms($0) }
    case .eigenvectors(let n, let count):
      return half(n).map { .eigenvectors(n: $0, count: max(1, count * $0 / n)) }
    case .survival(let form): return half(form).map { .survival($0) }
    case .dequantize(let form): return half(form).map { .dequantize($0) }
    case .requantize(let form): return half(form).map { .requantize($0) }
    case .scaled(let form, let rows, let columns):
      return half(form).map { .scaled($0, rows: rows, columns: columns) }
    case .product(let m, let n, let k, let a, let b):
      return half(m).map { .product(m: $0, n: n, k: k, transposesA: a, transposesB: b) }
    case .adamW(let count, let tensors):
      return half(count).map { .adamW(count: $0, tensors: tensors) }
    case .sumOfSquares(let count, let tensors):
      return half(count).map { .sumOfSquares(count: $0, tensors: tensors) }
    case .draw(let count, let type): return half(count).map { .draw(count: $0, type) }
    case .fill(let count, let type): return half(count).map { .fill(count: $0, type) }
    case .copy(let count, let type): return half(count).map { .copy(count: $0, type) }
    case .convert(let count, let from, let to):
      return half(count).map { .convert(count: $0, from, to: to) }
    case .read(let count, let type): return half(count).map { .read(count: $0, type) }
    default: return nil
    }
  }
}

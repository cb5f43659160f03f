import Runtime
import Tensor

/// Which of a library's recommendations for a large product is the fastest on the card at hand.
///
/// Only those count that give bit for bit what the first gives: the choice then changes nothing but the time, whatever
/// another run or another card of the kind chooses. It is kept beside the compiled kernels, so a card is measured once.
struct ProductTuning {
  /// Floating-point operations from which on it is worth while.
  static let work = 3e9
  /// Bytes of a result that copies are made of to compare.
  private static let largest = 300 << 20

  let backend: CUDABackend
  let shape: Products.Shape
  let plan: Products.Plan

  /// The place of the choice.
  ///
  /// - Parameter run: Runs the product with one of the recommendations, into a matrix like the result.
  func choose(_ run: (_ choice: Int, _ target: Tensor) throws -> Void) throws -> Int {
    guard plan.algorithms.count > 1 else { return 0 }
    let key = name
    if let known = backend.cache.read(key), known.count == 1, known[0] < plan.algorithms.count {
      return Int(known[0])
    }
    guard let choice = try measure(run) else { return 0 }
    backend.cache.write(key, [UInt8(choice)])
    return choice
  }

  /// What the choice depends on.
  private var name: String {
    let driver = backend.driver
    return CubinCache.key(
      source: Array("\(shape)".utf8), options: ["product", driver.name, driver.architecture],
      version: "\(backend.products.version)")
  }

  /// Nil where there is no memory to compare in.
  private func measure(_ run: (_ choice: Int, _ target: Tensor) throws -> Void) throws -> Int? {
    // Column-major, as the library sees it: n rows of m.
    let count = shape.n * max(shape.strideC, shape.m)
    guard count * shape.typeC.size <= Self.largest,
      let model = try? target(count), let other = try? target(count)
    else { return nil }
    try run(0, model)
    let equal = try plan.algorithms.indices.filter { choice in
      if choice == 0 { return true }
      // What does not run is not chosen.
      guard (try? run(choice, other)) != nil else { return false }
      return try isEqual(model, other)
    }
    let clock = ContinuousClock()
    var least = [Int: Duration]()
    for _ in 0..<3 {
      for choice in equal {
        try backend.driver.wait("tune")
        let start = clock.now
        try run(choice, other)
        try backend.driver.wait("tune")
        least[choice] = min(least[choice] ?? .seconds(1), clock.now - start)
      }
    }
    guard let first = least[0], let best = least.min(by: { $0.value < $1.value }) else { return 0 }
    // What noise alone may give is no reason to leave the library's own choice.
    return best.value < first * 0.99 ? best.key : 0
  }

  private func target(_ count: Int) throws -> Tensor {
    let tensor = try backend.make([count], shape.typeC)
    try backend.fill(tensor, with: 0)
    return tensor
  }

  private func isEqual(_ a: Tensor, _ b: Tensor) throws -> Bool {
    let differ = try backend.make([1], .i32)
    try backend.fill(differ, with: 0)
    let words = a.byteCount / 4
    try backend.launch(
      .convert, "compare", grid: Extent(min((words + 255) / 256, 4096)), block: 256, a, b, words,
      differ)
    return try backend.read(differ) == [0]
  }
}

extension CUDABackend {
  /// `c = alpha · a · b + beta · c (+ bias)`; see `Products.multiply`.
  func multiply(
    _ a: ProductFactor, _ b: ProductFactor, into c: Tensor, alpha: Float = 1, beta: Float = 0,
    bias: Tensor? = nil, arithmetic: Products.Arithmetic = .exact, _ operation: String
  ) throws {
    func run() throws {
      try products.multiply(
        a, b, into: c, alpha: alpha, beta: beta, bias: bias, arithmetic: arithmetic, memory: memory,
        operation
      ) { try ProductTuning(backend: self, shape: $0, plan: $1).choose($2) }
    }
    guard let times else { return try run() }
    try times.time(
      "\(operation) [\(c.rows), \(a.columns)] · [\(a.columns), \(c.columns)]", driver, run)
  }
}

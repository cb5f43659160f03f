import CCUDA
import Synchronization
import Tensor

/// A factor of a product as it lies in memory, row-major.
struct ProductFactor {
  let tensor: Tensor
  /// Whether the factor is the transpose of what is stored.
  var isTransposed = false

  /// Rows and columns of the factor.
  var rows: Int { isTransposed ? tensor.columns : tensor.rows }
  var columns: Int { isTransposed ? tensor.rows : tensor.columns }
  var transposed: ProductFactor { ProductFactor(tensor: tensor, isTransposed: !isTransposed) }
}

extension Tensor {
  var factor: ProductFactor { ProductFactor(tensor: self) }
  var transposed: ProductFactor { ProductFactor(tensor: self, isTransposed: true) }
}

/// Matrix products through cuBLASLt. What it recommends for a shape is asked for once; where a product is large, its
/// recommendations are tried, and the fastest is kept (`ProductTuning`).
final class Products: Sendable {
  /// How the factors are multiplied. Sums are f32.
  enum Arithmetic: Hashable, Sendable {
    /// As precisely as their type says.
    case exact
    /// f32 factors with 10 bits after the point: exact for what came from f16 or bf16, several times as fast.
    case tensor32
  }

  struct Shape: Hashable {
    var m, n, k: Int
    var transposedA, transposedB: Bool
    var typeA, typeB, typeC: DType
    var strideA, strideB, strideC: Int
    var alignA, alignB, alignC: UInt32
    var arithmetic: Arithmetic
    var hasBias: Bool
  }

  struct Plan: @unchecked Sendable {
    fileprivate(set) var operation, a, b, c: olv_handle?
    /// What is recommended, the best first. cublasLtMatmulAlgo_t: 64 bytes each.
    fileprivate(set) var algorithms: [[UInt64]]
    /// The place of the one in use.
    var chosen = 0
  }

  private struct State: @unchecked Sendable {
    var plans: [Shape: Plan] = [:]
    var workspace: DeviceStorage?
  }

  private struct Handle: @unchecked Sendable { var pointer: olv_handle? }

  private let table: olv_products
  let driver: Driver
  /// The library's, as it counts.
  let version: Int
  private let handle: Handle
  private let state = Mutex(State())
  /// What cuBLAS asks for on recent cards.
  private static let workspaceBytes = 32 << 20

  init(_ table: olv_products, _ driver: Driver) throws {
    (self.table, self.driver) = (table, driver)
    version = Int(table.version())
    try driver.enter("open")
    var pointer: olv_handle?
    let status = table.create(&pointer)
    handle = Handle(pointer: pointer)
    try check(status, "cublasLtCreate", "open")
  }

  deinit {
    for plan in state.withLock({ Array($0.plans.values) }) { destroy(plan) }
    if handle.pointer != nil { _ = table.destroy(handle.pointer) }
  }

  private func check(_ status: Int32, _ call: String, _ operation: String) throws {
    guard status != 0 else { return }
    let names: [Int32: String] = [
      1: "not initialized", 3: "out of memory on the host", 7: "invalid value",
      8: "this GPU cannot do it", 13: "the product failed to run", 14: "internal error",
      15: "not supported",
    ]
    throw CUDACallFailed(
      operation: operation, call: call, error: names[status] ?? "status \(status)")
  }

  /// `c = alpha · a · b + beta · c (+ bias to every row)`: a `[m, k]`, b `[k, n]` of one type, c `[m, n]` of that type or
  /// f32, bias `[n]` of c's type. Where c is bf16, the product is rounded before c is added to it: what is far below its
  /// last bit is then lost, and not at random.
  ///
  /// - Parameter tune: Chooses among the recommendations for a shape seen for the first time; it runs the product with each
  ///   by the function it is given.
  func multiply(
    _ a: ProductFactor, _ b: ProductFactor, into c: Tensor, alpha: Float = 1, beta: Float = 0,
    bias: Tensor? = nil, arithmetic: Arithmetic = .exact, memory: DeviceMemory, _ operation: String,
    tune: (Shape, Plan, (_ choice: Int, _ target: Tensor) throws -> Void) throws -> Int
  ) throws {
    let (m, n, k) = (c.rows, c.columns, a.columns)
    try require(
      a.rows == m && b.columns == n && b.rows == k && a.tensor.dtype == b.tensor.dtype, operation,
      expected: "factors that give \(c.summary)",
      found: "\(a.tensor.summary), \(b.tensor.summary)")
    guard m > 0, n > 0 else { return }
    try driver.enter(operation)
    // Row-major matrices are their transposes to cuBLAS, so cᵀ = bᵀ · aᵀ is what it is asked for.
    let shape = Shape(
      m: n, n: m, k: k, transposedA: b.isTransposed, transposedB: a.isTransposed,
      typeA: b.tensor.dtype, typeB: a.tensor.dtype, typeC: c.dtype,
      strideA: b.tensor.stride, strideB: a.tensor.stride, strideC: c.stride,
      alignA: alignment(b.tensor), alignB: alignment(a.tensor), alignC: alignment(c),
      arithmetic: arithmetic, hasBias: bias != nil)
    try state.withLock { state in
      if state.workspace == nil {
        state.workspace = try DeviceStorage(
          byteCount: Self.workspaceBytes, memory: memory, operation)
      }
      let workspace = state.workspace?.address ?? 0
      func run(_ plan: Plan, _ choice: Int, _ beta: Float, _ target: Tensor) throws {
        if let bias {
          var address = bias.address
          try set(plan.operation, 8, &address, operation)
        }
        let status = withUnsafePointer(to: alpha) { alpha in
          withUnsafePointer(to: beta) { beta in
            plan.algorithms[choice].withUnsafeBytes { algorithm in
              table.matmul(
                handle.pointer, plan.operation, alpha, b.tensor.address, plan.a, a.tensor.address,
                plan.b, beta, target.address, plan.c, target.address, plan.c,
                algorithm.baseAddress, workspace, Self.workspaceBytes, driver.stream)
            }
          }
        }
        try check(status, "cublasLtMatmul", operation)
      }
      if let known = state.plans[shape] { return try run(known, known.chosen, beta, c) }
      var plan = try self.plan(shape, operation)
      state.plans[shape] = plan
      plan.chosen = try tune(shape, plan) { try run(plan, $0, 0, $1) }
      state.plans[shape] = plan
      try run(plan, plan.chosen, beta, c)
    }
  }

  /// The largest power of two up to 256 that the address is a multiple of.
  private func alignment(_ tensor: Tensor) -> UInt32 {
    UInt32(1 << min(tensor.address.trailingZeroBitCount, 8))
  }

  private func set<Value: BitwiseCopyable>(
    _ operation: olv_handle?, _ attribute: Int32, _ value: inout Value, _ name: String
  ) throws {
    try check(
      table.operation_set(operation, attribute, &value, MemoryLayout<Value>.size),
      "cublasLtMatmulDescSetAttribute", name)
  }

  /// cudaDataType.
  private func code(_ type: DType) -> Int32 {
    switch type {
    case .f32: 0
    case .f16: 2
    case .bf16: 14
    case .u8: 8
    case .i32: 10
    }
  }

  private func plan(_ shape: Shape, _ name: String) throws -> Plan {
    var plan = Plan(operation: nil, a: nil, b: nil, c: nil, algorithms: [])
    var isComplete = false
    defer { if !isComplete { destroy(plan) } }
    // CUBLAS_COMPUTE_32F is 68, CUBLAS_COMPUTE_32F_FAST_TF32 77; alpha and beta are f32 (0).
    try check(
      table.operation_create(&plan.operation, shape.arithmetic == .tensor32 ? 77 : 68, 0),
      "cublasLtMatmulDescCreate", name)
    var transposedA: Int32 = shape.transposedA ? 1 : 0
    var transposedB: Int32 = shape.transposedB ? 1 : 0
    try set(plan.operation, 3, &transposedA, name)
    try set(plan.operation, 4, &transposedB, name)
    if shape.hasBias {
      // CUBLASLT_EPILOGUE_BIAS.
      var epilogue: Int32 = 4
      try set(plan.operation, 7, &epilogue, name)
    }
    func layout(
      _ handle: inout olv_handle?, _ type: DType, _ rows: Int, _ columns: Int, _ stride: Int
    ) throws {
      try check(
        table.layout_create(
          &handle, code(type), UInt64(rows), UInt64(columns), Int64(max(stride, rows))),
        "cublasLtMatrixLayoutCreate", name)
    }
    let (m, n, k) = (shape.m, shape.n, shape.k)
    try layout(
      &plan.a, shape.typeA, shape.transposedA ? k : m, shape.transposedA ? m : k, shape.strideA)
    try layout(
      &plan.b, shape.typeB, shape.transposedB ? n : k, shape.transposedB ? k : n, shape.strideB)
    try layout(&plan.c, shape.typeC, m, n, shape.strideC)

    var preference: olv_handle?
    try check(table.preference_create(&preference), "cublasLtMatmulPreferenceCreate", name)
    defer { _ = table.preference_destroy(preference) }
    func prefer<Value: BitwiseCopyable>(_ attribute: Int32, _ value: Value) throws {
      var value = value
      try check(
        table.preference_set(preference, attribute, &value, MemoryLayout<Value>.size),
        "cublasLtMatmulPreferenceSetAttribute", name)
    }
    try prefer(1, Self.workspaceBytes)
    for (attribute, alignment) in [
      (5, shape.alignA), (6, shape.alignB), (7, shape.alignC), (8, shape.alignC),
    ] { try prefer(Int32(attribute), alignment) }

    // cublasLtMatmulHeuristicResult_t: the algorithm (64 bytes), its workspace (8), its state (4), and more: 96 bytes.
    let wanted = Double(m) * Double(n) * Double(k) * 2 >= ProductTuning.work ? 8 : 1
    var results = [UInt64](repeating: 0, count: 12 * wanted)
    var found: Int32 = 0
    try check(
      table.heuristic(
        handle.pointer, plan.operation, plan.a, plan.b, plan.c, plan.c, preference, Int32(wanted),
        &results, &found), "cublasLtMatmulAlgoGetHeuristic", name)
    for place in 0..<min(Int(found), wanted)
    where Int32(truncatingIfNeeded: results[12 * place + 9]) == 0 {
      plan.algorithms.append(Array(results[12 * place..<12 * place + 8]))
    }
    guard !plan.algorithms.isEmpty else {
      throw CUDACallFailed(
        operation: name, call: "cublasLtMatmulAlgoGetHeuristic",
        error: "no algorithm for [\(n), \(k)] · [\(k), \(m)]")
    }
    isComplete = true
    return plan
  }

  private func destroy(_ plan: Plan) {
    if plan.operation != nil { _ = table.operation_destroy(plan.operation) }
    for layout in [plan.a, plan.b, plan.c] where layout != nil { _ = table.layout_destroy(layout) }
  }
}

extension Tensor {
  /// Elements from one row to the next, also where there is only one row.
  var stride: Int { rows <= 1 ? max(columns, 1) : rowStride }
}

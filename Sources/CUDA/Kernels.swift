import CCUDA
import Synchronization
import Tensor

/// How kernels are written, found and launched. All of `Kernels/` and `CUDABackend+*.swift` follow this.
///
/// - A file `Kernels/rms_norm.cu` holds the kernels of one operation, `extern "C" __global__`. `common.cuh` is put in front
///   of it (loads, stores, reductions, types; no header of CUDA is needed). It is compiled for the card at hand when one of
///   its kernels is first used, and the machine code is kept on disk.
/// - `static let rmsNorm = KernelSource("rms_norm", PackageResources.rms_norm_cu)` in the operation's Swift file names it.
///   Variants are chosen by `defines`, each set a module of its own: `KernelSource("x", …, defines: ["WIDTH=96"])`.
/// - `try launch(.rmsNorm, "rms_norm", grid: n, block: 256, x, delta, weight, epsilon, Int32(width), "rmsNorm")` fits the
///   parameters `(const bf16 *x, const bf16 *delta, const float *weight, float epsilon, int width)`: a tensor passes the
///   address of its first element, a nil tensor a null pointer, `Int32` an `int`, `Int` a `long long`, `Float` a `float`,
///   `UInt64` an `unsigned long long` or an address, `KernelBytes` a struct by value.
/// - Tensors are row-major; a rank-2 one may be a view, so kernels take `rowStride` (in elements) for every tensor that may
///   be one: activations in, gradients out. What an operation makes itself is contiguous.
/// - Activations are bf16, sums f32 at least. Adapters, their gradients, norms' inverses, losses and Hessians are f32.
///   Frozen weights have the type they were stored in (bf16, f16, f32), or are packed as `PackedMatrix` says.
/// - Everything runs on one stream, in order: no synchronization between operations, and memory given back by a tensor's end
///   may be handed to the next operation at once. Scratch memory is a tensor from `make`.
/// - Addresses of whole tensors are multiples of 512 bytes; views start anywhere.
struct KernelSource: Sendable {
  let name: String
  let source: [UInt8]
  let defines: [String]
  /// Tells sources apart; what they are looked up by.
  let number: Int

  private static let count = Atomic(0)

  init(_ name: String, _ source: [UInt8], defines: [String] = []) {
    (self.name, self.source, self.defines) = (name, source, defines)
    number = Self.count.add(1, ordering: .relaxed).newValue
  }

  /// What the compiler gets: the choices, the common part, the kernels, and a zero byte.
  var text: [UInt8] {
    Array(defines.map { "#define \($0.replacing("=", with: " "))\n" }.joined().utf8)
      + PackageResources.common_cuh + Array("\n#line 1 \"\(name).cu\"\n".utf8) + source + [0]
  }
}

/// A struct that a kernel takes by value.
struct KernelBytes {
  let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// The bytes of a value that holds no references.
  init<Value: BitwiseCopyable>(_ value: Value) {
    bytes = withUnsafeBytes(of: value) { Array($0) }
  }
}

/// What can be a parameter of a kernel.
protocol KernelArgument {
  /// Bytes that the parameter takes.
  var parameterSize: Int { get }
  func store(at place: UnsafeMutableRawPointer)
}

extension KernelArgument where Self: BitwiseCopyable {
  var parameterSize: Int { MemoryLayout<Self>.size }
  func store(at place: UnsafeMutableRawPointer) { place.storeBytes(of: self, as: Self.self) }
}

extension Int32: KernelArgument {}
extension UInt32: KernelArgument {}
extension Int: KernelArgument {}
extension UInt64: KernelArgument {}
extension Float: KernelArgument {}
extension Double: KernelArgument {}

extension KernelBytes: KernelArgument {
  var parameterSize: Int { bytes.count }
  func store(at place: UnsafeMutableRawPointer) {
    bytes.withUnsafeBytes {
      if let from = $0.baseAddress { place.copyMemory(from: from, byteCount: $0.count) }
    }
  }
}

extension Tensor: KernelArgument {
  /// Where the first element lies on the device; 0 for host memory, which `require` has refused before.
  var address: UInt64 {
    guard let storage = storage as? DeviceStorage else { return 0 }
    return storage.address + UInt64(offset * dtype.size)
  }
  var parameterSize: Int { 8 }
  func store(at place: UnsafeMutableRawPointer) { address.store(at: place) }
}

extension Optional: KernelArgument where Wrapped == Tensor {
  var parameterSize: Int { 8 }
  func store(at place: UnsafeMutableRawPointer) { (self?.address ?? 0).store(at: place) }
}

/// The blocks of a launch, or the threads of a block.
struct Extent: ExpressibleByIntegerLiteral {
  var x: UInt32
  var y: UInt32
  var z: UInt32

  init(_ x: Int, _ y: Int = 1, _ z: Int = 1) {
    (self.x, self.y, self.z) = (UInt32(x), UInt32(y), UInt32(z))
  }
  init(integerLiteral value: Int) { self.init(value) }

  var isEmpty: Bool { x == 0 || y == 0 || z == 0 }
}

/// The kernels in use: compiled once, then looked up.
final class KernelLibrary: Sendable {
  private let driver: Driver
  private let compiler: Compiler
  private let cache: CubinCache
  private let state = Mutex(State())

  /// A function of the driver; as lasting as the library.
  struct Function: @unchecked Sendable {
    let handle: olv_handle?
  }

  private struct Module: @unchecked Sendable {
    let handle: olv_handle?
  }

  /// A kernel by its source and the place of its name in the program: cheaper to look up than by letters.
  private struct FunctionKey: Hashable {
    let source: Int
    let name: UInt
  }

  private struct State {
    var modules: [Int: Module] = [:]
    var functions: [FunctionKey: Function] = [:]
    /// Shared memory that a function was allowed.
    var shared: [UnsafeMutableRawPointer: Int] = [:]
  }

  var compilerVersion: String { compiler.version }

  init(_ driver: Driver, _ compiler: Compiler, _ cache: CubinCache) {
    (self.driver, self.compiler, self.cache) = (driver, compiler, cache)
  }

  deinit {
    guard (try? driver.enter("unload")) != nil else { return }
    for module in state.withLock({ Array($0.modules.values) }) {
      _ = driver.table.module_unload(module.handle)
    }
  }

  /// The kernel `name`, allowed `shared` bytes of dynamic shared memory.
  func function(_ source: KernelSource, _ name: StaticString, shared: Int) throws -> Function {
    try state.withLock { state in
      let key = FunctionKey(source: source.number, name: UInt(bitPattern: name.utf8Start))
      if let known = state.functions[key] {
        try allow(shared, known, &state, name)
        return known
      }
      let module = try module(source, &state)
      var handle: olv_handle?
      try driver.check(
        driver.table.module_function(&handle, module.handle, "\(name)"), "cuModuleGetFunction",
        source.name)
      let function = Function(handle: handle)
      state.functions[key] = function
      try allow(shared, function, &state, name)
      return function
    }
  }

  private func allow(
    _ shared: Int, _ function: Function, _ state: inout State, _ name: StaticString
  ) throws {
    // More than 48 KiB must be asked for: attribute 8.
    guard shared > 48 << 10, let handle = function.handle, state.shared[handle, default: 0] < shared
    else { return }
    try driver.check(
      driver.table.function_set(handle, 8, Int32(shared)), "cuFuncSetAttribute", "\(name)")
    state.shared[handle] = shared
  }

  private func module(_ source: KernelSource, _ state: inout State) throws -> Module {
    if let known = state.modules[source.number] { return known }
    try driver.enter(source.name)
    let text = source.text
    let architecture = driver.architecture
    let key = CubinCache.key(
      source: text, options: Compiler.options(architecture: architecture),
      version: compiler.version)
    var module: Module?
    if let code = cache.read(key) { module = try? load(code, source.name) }
    if module == nil {
      let code = try compiler.compile(text, name: source.name, architecture: architecture)
      module = try load(code, source.name)
      cache.write(key, code)
    }
    state.modules[source.number] = module
    return module ?? Module(handle: nil)
  }

  private func load(_ code: [UInt8], _ name: String) throws -> Module {
    var handle: olv_handle?
    try code.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try driver.check(driver.table.module_load(&handle, base), "cuModuleLoadData", name)
    }
    return Module(handle: handle)
  }
}

extension CUDABackend {
  /// Starts a kernel; it runs when all that was asked for before is done. See `KernelSource` for how arguments are passed.
  ///
  /// - Parameters:
  ///   - shared: Bytes of dynamic shared memory.
  ///   - cooperative: Whether all blocks must run at once, so that they may wait for each other.
  ///   - early: Whether the kernel may begin before the one before it has ended, for which it waits itself, by
  ///     `await_predecessor` of common.cuh: in a chain of short kernels starting takes longer than running. Where cards
  ///     cannot do it, it begins in its turn.
  func launch<each Argument: KernelArgument>(
    _ source: KernelSource, _ name: StaticString, grid: Extent, block: Extent, shared: Int = 0,
    cooperative: Bool = false, early: Bool = false, _ arguments: repeat each Argument
  ) throws {
    if grid.isEmpty { return }
    if let times {
      return try times.time("\(name)", driver) {
        try start(
          source, name, grid: grid, block: block, shared: shared, cooperative: cooperative,
          early: early, repeat each arguments)
      }
    }
    try start(
      source, name, grid: grid, block: block, shared: shared, cooperative: cooperative,
      early: early, repeat each arguments)
  }

  private func start<each Argument: KernelArgument>(
    _ source: KernelSource, _ name: StaticString, grid: Extent, block: Extent, shared: Int,
    cooperative: Bool, early: Bool, _ arguments: repeat each Argument
  ) throws {
    let function = try kernels.function(source, name, shared: shared)
    try driver.enter("\(name)")
    // Every parameter at a multiple of 64 bytes, which the widest of them (descriptors of tensors) want.
    var (count, bytes) = (0, 0)
    for argument in repeat each arguments {
      count += 1
      bytes += (argument.parameterSize + 63) & ~63
    }
    let status = withUnsafeTemporaryAllocation(byteCount: bytes + 64, alignment: 64) { space in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: count + 1) {
        pointers -> Int32 in
        guard var place = space.baseAddress else { return 1 }
        var index = 0
        for argument in repeat each arguments {
          argument.store(at: place)
          pointers.initializeElement(at: index, to: place)
          place += (argument.parameterSize + 63) & ~63
          index += 1
        }
        let table = driver.table
        if early && driver.capability >= 90 {
          return withUnsafePointer(to: table) {
            olv_launch_early(
              $0, function.handle, grid.x, grid.y, grid.z, block.x, block.y, block.z,
              UInt32(shared), cooperative ? 1 : 0, driver.stream, pointers.baseAddress)
          }
        }
        return cooperative
          ? table.launch_cooperative(
            function.handle, grid.x, grid.y, grid.z, block.x, block.y, block.z, UInt32(shared),
            driver.stream, pointers.baseAddress)
          : table.launch(
            function.handle, grid.x, grid.y, grid.z, block.x, block.y, block.z, UInt32(shared),
            driver.stream, pointers.baseAddress, nil)
      }
    }
    try driver.check(status, "cuLaunchKernel", "\(name)")
  }
}

import Runtime

/// Why no NVIDIA GPU can be used, with what was searched: shown to people who asked for one.
public enum CUDAUnavailable: Failure, Equatable {
  /// There is no NVIDIA driver.
  case noDriver(searched: [String], reason: String)
  /// The driver is older than olv needs. Versions as the driver counts them: 12040 is 12.4.
  case driverTooOld(version: Int, needed: Int)
  /// The driver answers, but not well.
  case driverFailed(call: String, error: String)
  /// The driver knows of no GPU.
  case noGPU
  /// `--device cuda:N` with an N that the machine does not have.
  case noSuchGPU(index: Int, count: Int)
  /// A GPU without what the kernels need.
  case unsupportedGPU(name: String, capability: String, needed: String)
  /// A GPU that takes no more processes, or is held by another one alone.
  case busy(name: String)
  /// A library of the CUDA toolkit that is not there.
  case missingLibrary(names: [String], searched: [String], reason: String)

  public var message: String {
    switch self {
    case .noDriver(let searched, let reason):
      "no NVIDIA driver: \(reason) (searched \(searched.joined(separator: ", ")))"
    case .driverTooOld(let version, let needed):
      "the NVIDIA driver supports CUDA \(Self.text(version)); olv needs \(Self.text(needed))"
    case .driverFailed(let call, let error): "the NVIDIA driver fails: \(call): \(error)"
    case .noGPU: "the NVIDIA driver finds no GPU"
    case .noSuchGPU(let index, let count):
      "there is no GPU \(index): the machine has \(count)"
    case .unsupportedGPU(let name, let capability, let needed):
      "\(name) has compute capability \(capability); olv needs \(needed) or later (bf16 products)"
    case .busy(let name): "\(name) is in use by another process and takes no second one"
    case .missingLibrary(let names, let searched, let reason):
      "\(names.joined(separator: " or ")) cannot be opened: \(reason) (searched \(searched.joined(separator: ", ")))"
    }
  }

  public var help: String? {
    switch self {
    case .noDriver, .noGPU: "install the NVIDIA driver, or use --device cpu"
    case .driverTooOld: "update the driver, or use --device cpu"
    case .driverFailed: "`nvidia-smi` may say more; --device cpu works without a GPU"
    case .noSuchGPU(_, let count): "use cuda:0 to cuda:\(count - 1)"
    case .unsupportedGPU: "use --device cpu"
    case .busy: "wait for the other process, choose another GPU with cuda:N, or use --device cpu"
    case .missingLibrary:
      "install the CUDA toolkit (or its Python packages), or set CUDA_HOME to where it is"
    }
  }

  static func text(_ version: Int) -> String { "\(version / 1000).\(version % 1000 / 10)" }
}

/// A call of one of NVIDIA's libraries that failed.
public struct CUDACallFailed: Failure, Equatable {
  /// The operation that made the call: `linear`.
  public var operation: String
  /// The function: `cuLaunchKernel`.
  public var call: String
  /// The library's own name and words for the error.
  public var error: String
  /// The driver's number of the error; 0 for another library's.
  public var code: Int32

  public init(operation: String, call: String, error: String, code: Int32 = 0) {
    self.operation = operation
    self.call = call
    self.error = error
    self.code = code
  }

  /// Whether more blocks were asked to run at once than can (720), or such a launch is not supported (801).
  var isCooperationRefused: Bool { code == 720 || code == 801 }

  public var message: String { "\(operation): \(call) failed: \(error)" }
  public var help: String? {
    "`selftest device=cuda` tells whether the GPU and its driver work; --device cpu works without them"
  }
}

/// A kernel that the run-time compiler does not accept.
public struct KernelRejected: Failure, Equatable {
  public var kernel: String
  public var architecture: String
  /// The compiler's words.
  public var log: String

  public init(kernel: String, architecture: String, log: String) {
    self.kernel = kernel
    self.architecture = architecture
    self.log = log
  }

  public var message: String { "kernel \(kernel) does not compile for \(architecture): \(log)" }
}

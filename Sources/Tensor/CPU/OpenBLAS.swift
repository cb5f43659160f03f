import Glibc
import Runtime

/// The functions of OpenBLAS, opened at first use.
///
/// OpenBLAS reads the environment when it is loaded: its core type (it does not know recent processors and takes them
/// for much older ones) and its threads, of which it gets one, since the backend shares out the work itself.
struct OpenBLAS: Sendable {
  typealias Product =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32,
      UnsafePointer<Float>?, Int32, Float, UnsafeMutablePointer<Float>?, Int32
    ) -> Void
  typealias RankUpdate =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32, Float,
      UnsafeMutablePointer<Float>?, Int32
    ) -> Void
  typealias Triangular =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32,
      UnsafeMutablePointer<Float>?, Int32
    ) -> Void
  /// `spotrf_`, `spotri_`: uplo, n, a, lda, info, and the length of uplo as Fortran passes it.
  typealias Factorization =
    @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<Int32>, UnsafeMutablePointer<Float>?,
      UnsafePointer<Int32>, UnsafeMutablePointer<Int32>, Int
    ) -> Void
  /// `strtri_`: uplo, diag, n, a, lda, info, and the lengths of the two strings.
  typealias TriangularInverse =
    @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<Int32>,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>, UnsafeMutablePointer<Int32>, Int, Int
    ) -> Void
  /// `ssyevr_`: jobz, range, uplo, n, a, lda, vl, vu, il, iu, abstol, m, w, z, ldz, isuppz, work, lwork, iwork, liwork, info,
  /// and the lengths of the three strings.
  typealias SymmetricEigenvectors =
    @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<Int32>,
      UnsafeMutablePointer<Float>?, UnsafePointer<Int32>, UnsafePointer<Float>,
      UnsafePointer<Float>, UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Float>,
      UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?,
      UnsafePointer<Int32>, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Float>?,
      UnsafePointer<Int32>, UnsafeMutablePointer<Int32>?, UnsafePointer<Int32>,
      UnsafeMutablePointer<Int32>, Int, Int, Int
    ) -> Void

  let sgemm: Product
  let ssyrk: RankUpdate
  let strsm: Triangular
  let spotrf: Factorization
  let spotri: Factorization
  let strtri: TriangularInverse
  let ssyevr: SymmetricEigenvectors

  private static let names = ["libopenblas.so.0", "libopenblas.so"]
  private static let package = "libopenblas0"
  private static let library = Result { try OpenBLAS(Processor.chosen()) }

  /// The library, opened once.
  ///
  /// - Throws: `MissingLibrary` where it is not installed.
  static func shared() throws -> OpenBLAS { try library.get() }

  /// The library's own words for its version and core type: `OpenBLAS 0.3.21 … Cooperlake MAX_THREADS=64`.
  ///
  /// - Throws: `MissingLibrary` where it is not installed.
  static func description() throws -> String {
    _ = try shared()
    typealias Configuration = @convention(c) () -> UnsafePointer<CChar>?
    let library = try DynamicLibrary(names, package: package)
    let configuration = try library.function("openblas_get_config", as: Configuration.self)
    return configuration().map { String(cString: $0).split(separator: " ").joined(separator: " ") }
      ?? "OpenBLAS"
  }

  private init(_ processor: Processor) throws {
    let core =
      processor.level < 3
      ? nil : processor.level == 3 ? "HASWELL" : processor.bf16 ? "COOPERLAKE" : "SKYLAKEX"
    if let core { setenv("OPENBLAS_CORETYPE", core, 0) }
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    OpenMP.restrain()
    let library = try DynamicLibrary(Self.names, package: Self.package)
    sgemm = try library.function("cblas_sgemm", as: Product.self)
    ssyrk = try library.function("cblas_ssyrk", as: RankUpdate.self)
    strsm = try library.function("cblas_strsm", as: Triangular.self)
    spotrf = try library.function("spotrf_", as: Factorization.self)
    spotri = try library.function("spotri_", as: Factorization.self)
    strtri = try library.function("strtri_", as: TriangularInverse.self)
    ssyevr = try library.function("ssyevr_", as: SymmetricEigenvectors.self)
  }
}

/// A library opened at run time. It stays open for the rest of the process.
struct DynamicLibrary {
  private let handle: UnsafeMutableRawPointer
  private let name: String
  private let package: String

  /// - Parameters:
  ///   - names: File names, best first.
  ///   - package: What to install where none is there.
  init(_ names: [String], package: String) throws {
    for name in names {
      if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) {
        self.handle = handle
        self.name = name
        self.package = package
        return
      }
    }
    throw MissingLibrary(name: names[0], package: package)
  }

  func function<Function>(_ symbol: String, as type: Function.Type) throws -> Function {
    guard let address = dlsym(handle, symbol) else {
      throw MissingLibrary(name: name, package: package, symbol: symbol)
    }
    return unsafeBitCast(address, to: type)
  }
}

/// A library that olv opens at run time, not found or too old.
public struct MissingLibrary: Failure, Equatable {
  public var name: String
  /// The system package that brings it.
  public var package: String
  /// The function that the library lacks, where it is there.
  public var symbol: String?

  public init(name: String, package: String, symbol: String? = nil) {
    self.name = name
    self.package = package
    self.symbol = symbol
  }

  public var message: String {
    symbol.map { "the library \(name) has no function \($0)" }
      ?? "the library \(name) is not installed"
  }
  public var help: String? { "install the package \(package) (apt install \(package))" }
}

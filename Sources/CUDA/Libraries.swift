import CCUDA

/// The functions of NVIDIA's libraries that a backend calls. Tests put a driver of their own in place of the real one.
struct Libraries: Sendable {
  var driver: olv_driver
  var compiler: olv_compiler
  var products: olv_products
  /// Opened only where an operation needs it.
  var solver: @Sendable () throws -> olv_solver

  /// The oldest driver that serves: CUDA 12.0.
  static let oldestDriver = 12000

  /// Opens what a GPU needs.
  ///
  /// - Throws: `CUDAUnavailable`.
  static func open(environment: [String: String]) throws -> Libraries {
    let search = LibrarySearch(environment: environment)
    let driver = try openDriver(search)
    var version: Int32 = 0
    // Asked before cuInit, which may fail where there is no GPU.
    _ = driver.driver_version(&version)
    guard Int(version) >= oldestDriver else {
      throw CUDAUnavailable.driverTooOld(version: Int(version), needed: oldestDriver)
    }
    // Machine code of a newer compiler need not load with an older driver.
    let majors = version >= 13000 ? [13, 12] : [12]
    let compiler = try openCompiler(search, majors)
    let products = try fill(
      search, majors.map { "libcublasLt.so.\($0)" }, olv_products_fill, as: olv_products.self)
    let solvers = majors.map { "libcusolver.so.\($0 - 1)" }
    return Libraries(
      driver: driver, compiler: compiler, products: products,
      solver: { try fill(search, solvers, olv_solver_fill, as: olv_solver.self) })
  }

  static func openCompiler(_ search: LibrarySearch, _ majors: [Int] = [13, 12]) throws
    -> olv_compiler
  {
    try fill(search, majors.map { "libnvrtc.so.\($0)" }, olv_compiler_fill, as: olv_compiler.self)
  }

  private static func openDriver(_ search: LibrarySearch) throws -> olv_driver {
    let names = ["libcuda.so.1", "libcuda.so", "/usr/local/nvidia/lib64/libcuda.so.1"]
    var reason = "it is not there"
    for (place, name) in names.enumerated() {
      switch LibrarySearch.open(name) {
      case .success(let library):
        return try fill(library, names[place], olv_driver_fill, as: olv_driver.self)
      case .failure(let error): if place == 0 { reason = error.text }
      }
    }
    throw CUDAUnavailable.noDriver(searched: names, reason: reason)
  }

  private static func fill<Table>(
    _ search: LibrarySearch, _ names: [String],
    _ filler: (UnsafeMutableRawPointer, UnsafeMutablePointer<Table>) -> UnsafePointer<CChar>?,
    as: Table.Type
  ) throws -> Table {
    try fill(try search.open(names), names.joined(separator: " or "), filler, as: Table.self)
  }

  private static func fill<Table>(
    _ library: UnsafeMutableRawPointer, _ name: String,
    _ filler: (UnsafeMutableRawPointer, UnsafeMutablePointer<Table>) -> UnsafePointer<CChar>?,
    as: Table.Type
  ) throws -> Table {
    let table = UnsafeMutablePointer<Table>.allocate(capacity: 1)
    defer { table.deallocate() }
    if let lacking = filler(library, table) {
      throw CUDAUnavailable.missingLibrary(
        names: [name], searched: [], reason: "it has no \(String(cString: lacking))")
    }
    return table.pointee
  }
}

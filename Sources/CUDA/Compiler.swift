import CCUDA

/// The run-time compiler.
struct Compiler: Sendable {
  let table: olv_compiler
  /// Of the compiler: `13.0`.
  let version: String

  init(_ table: olv_compiler) throws {
    self.table = table
    var (major, minor): (Int32, Int32) = (0, 0)
    let status = table.version(&major, &minor)
    guard status == 0 else {
      throw CUDACallFailed(operation: "compile", call: "nvrtcVersion", error: "error \(status)")
    }
    version = "\(major).\(minor)"
  }

  /// What every kernel is compiled with.
  static func options(architecture: String) -> [String] {
    [
      "--gpu-architecture=\(architecture)", "--std=c++17", "--device-as-default-execution-space",
      "--extra-device-vectorization", "--diag-error=177,549,550",
    ]
  }

  /// Machine code for `architecture`.
  ///
  /// - Parameter source: C++, a zero byte at its end.
  /// - Throws: `KernelRejected` with the compiler's words.
  func compile(_ source: [UInt8], name: String, architecture: String) throws -> [UInt8] {
    var program: olv_handle?
    func check(_ status: Int32, _ call: String) throws {
      guard status == 0 else {
        throw CUDACallFailed(
          operation: "compile \(name)", call: call, error: "error \(status)")
      }
    }
    try source.withUnsafeBytes { bytes in
      guard let text = bytes.bindMemory(to: CChar.self).baseAddress else { return }
      try check(table.create(&program, text, "\(name).cu", 0, nil, nil), "nvrtcCreateProgram")
    }
    defer { _ = table.destroy(&program) }
    let options = Self.options(architecture: architecture).map { Array($0.utf8CString) }
    let status = Self.withPointers(options) { table.compile(program, Int32(options.count), $0) }
    if status != 0 {
      throw KernelRejected(kernel: name, architecture: architecture, log: log(of: program))
    }
    var size = 0
    try check(table.code_size(program, &size), "nvrtcGetCUBINSize")
    var code = [UInt8](repeating: 0, count: size)
    try code.withUnsafeMutableBytes { bytes in
      guard let target = bytes.bindMemory(to: CChar.self).baseAddress else { return }
      try check(table.code(program, target), "nvrtcGetCUBIN")
    }
    return code
  }

  private func log(of program: olv_handle?) -> String {
    var size = 0
    guard table.log_size(program, &size) == 0, size > 1 else { return "no reason given" }
    var text = [CChar](repeating: 0, count: size + 1)
    guard table.log(program, &text) == 0 else { return "no reason given" }
    return textOfC(text)
  }

  private static func withPointers<Result>(
    _ texts: [[CChar]], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    // One buffer that holds all texts, and their places in it.
    let all = texts.flatMap { $0 }
    return all.withUnsafeBufferPointer { buffer in
      var place = 0
      let pointers = texts.map { text -> UnsafePointer<CChar>? in
        defer { place += text.count }
        return buffer.baseAddress.map { $0 + place }
      }
      return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
  }
}

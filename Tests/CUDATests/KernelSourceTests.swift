import FoundationEssentials
import Testing

@testable import CUDA

/// All kernels through the real compiler, where there is one: `scripts/nvrtc` fetches it. No GPU is needed.
struct KernelSourceTests {
  static let compiler: Compiler? = {
    let environment = ProcessInfo.processInfo.environment
    let search = LibrarySearch(
      environment: environment.merging(
        ["VIRTUAL_ENV": environment["OLV_NVRTC"] ?? ""], uniquingKeysWith: { $1 }))
    return try? Compiler(Libraries.openCompiler(search))
  }()

  @Test(
    .enabled(if: compiler != nil, "no run-time compiler here; scripts/nvrtc fetches one"),
    arguments: KernelSource.all)
  func compiles(_ source: KernelSource) throws {
    let compiler = try #require(Self.compiler)
    // A card of the oldest kind that serves, and one with instructions of its own.
    for architecture in source.isForCapability90 ? ["sm_90a"] : ["sm_80", "sm_90a"] {
      let code = try compiler.compile(
        source.text, name: source.name, architecture: architecture)
      #expect(code.count > 500)
    }
  }
}

extension KernelSource: CustomTestStringConvertible {
  /// Not the whole text, which a failure would print byte by byte.
  public var testDescription: String { ([name] + defines).joined(separator: " ") }
}

import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The program's threads, whatever the shell says to other programs.
@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct ThreadTests {
  /// Of a process: how many threads it has, and the processors that each may use.
  private func threads(of process: pid_t) throws -> [String] {
    let folder = "/proc/\(process)/task"
    return try FileManager.default.contentsOfDirectory(atPath: folder).map { thread in
      let status = try String(contentsOfFile: "\(folder)/\(thread)/status", encoding: .utf8)
      return status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }.map(String.init)
        ?? ""
    }
  }

  @Test(arguments: [
    ["OMP_NUM_THREADS": "8"], ["OMP_NUM_THREADS": "2", "OMP_PROC_BIND": "true"],
    ["GOMP_CPU_AFFINITY": "0"], ["OPENBLAS_NUM_THREADS": "4"],
  ])
  func openMPAddsNone(_ environment: [String: String]) throws {
    let home = try Shared.temporaryFolder()
    defer { Shared.remove(home) }
    let session = try TerminalSession(
      ["--use", "demo"], home: home, environment: environment.merging(["OLV_THREADS": "2"]) { $1 })
    try session.waitForPrompt(1)
    let before = try threads(of: session.process)
    session.type("load phi; quantize gptq samples=2; ppl tiny-codes[5000:5004]\r")
    try session.waitForPrompt(2)
    let after = try threads(of: session.process)
    #expect(after.count == 2)
    #expect(after.allSatisfy { $0 == before.first })
    session.type("\u{4}")
    #expect(try session.waitForEnd() == 0)
  }
}

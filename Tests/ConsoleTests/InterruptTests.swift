import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Ctrl-C sent to the program itself, in every kind of work.
@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"), .serialized)
struct InterruptTests {
  /// None ends by itself in the time given.
  @Test(arguments: [
    "load phi; each $i in [1 2 3 4 5 6 7 8 9 10 11 12] { save FOLDER/a; quantize rtn bits=2; save FOLDER/b }; quantize gptq samples=200",
    "load phi; quantize gptq samples=200; save FOLDER/c",
    "load phi; quantize awq samples=200; save FOLDER/d",
    "load phi; finetune tiny-codes steps=10000; save FOLDER/e",
    "load phi; ppl tiny-codes; ppl tiny-codes; ppl tiny-codes; save FOLDER/f",
    "load phi; generate \"def\" tokens=1000000; save FOLDER/g",
  ])
  func theProgramStopsCleanly(script: String) throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let text = script.replacing("FOLDER", with: folder)
    let started = ContinuousClock.now
    // A machine that runs other tests beside is slow; a hang is what the limit finds.
    let program = try Program(
      ["--quiet", "--use", "demo", "-c", text], library: "\(Shared.root)/stdlib",
      under: "timeout --preserve-status -s INT -k 30 0.8")
    #expect(program.status == 130, "\(script): \(program.err)")
    #expect(started.duration(to: .now) < .seconds(25), "\(script) took its time")
    // What is there is whole; nothing temporary stands beside it.
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      #expect(name.count == 1, "\(script) left \(name)")
      #expect(access("\(folder)/\(name)/config.json", R_OK) == 0)
    }
  }
}

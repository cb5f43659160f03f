import FoundationEssentials
import Runtime
import Session
import Tensor
import TestSupport
import Testing

@testable import Verbs

@Suite(.serialized)
struct DoctorTests {
  @Test func findsThisInstallationInOrder() throws {
    let bench = try Workbench()
    try bench.run("doctor")
    let report = try #require(bench.last)
    #expect(report.verb == "doctor")
    #expect(report.value == 0)
    let checks = report.json["checks"]?.arrayValue ?? []
    let states = Dictionary(
      checks.map { ($0["check"]?.stringValue ?? "", $0["state"]?.stringValue ?? "") },
      uniquingKeysWith: { $1 })
    for name in ["standard library", "demo pack"] { #expect(states[name] == "ok") }
    for name in [
      "processor", "OpenBLAS", "memory", "oneDNN", "GPU", "command", "models and data", "cache",
      "history",
      "terminal", "locale",
    ] { #expect(states[name] != nil, "no check of \(name)") }
  }

  @Test func aProblemFailsTheScript() throws {
    let bench = try Workbench()
    let session = Session(
      host: Engine(environment: [:]), presenter: bench, standardLibrary: "/nonexistent")
    #expect(throws: ScriptError.self) {
      try session.run(.init(name: "test", text: "doctor"))
    }
    let report = try #require(bench.last)
    #expect(report.value == 2)
    #expect("\(report.display)".contains("OLV_STDLIB"))
  }

  @Test func aLibraryThatIsMissing() {
    let missing = MissingLibrary(name: "libopenblas.so.0", package: "libopenblas0")
    var machine = CPUInstallation.inspect()
    (machine.openBLAS, machine.oneDNN) = (.failure(missing), nil)
    let finding = Examination.openBLAS(machine, [:])
    #expect(finding.state == .problem)
    #expect(finding.found.contains("libopenblas.so.0"))
    #expect(finding.advice?.contains("apt install libopenblas0") == true)
    #expect(Examination.oneDNN(machine).state == .note)

    machine = CPUInstallation.inspect()
    (machine.level, machine.openBLAS) = (4, .success("OpenBLAS 0.3"))
    #expect(Examination.openBLAS(machine, ["OPENBLAS_CORETYPE": "Haswell"]).state == .note)
    #expect(Examination.openBLAS(machine, ["OPENBLAS_CORETYPE": "SkylakeX"]).state == .ok)
    #expect(Examination.openBLAS(machine, [:]).state == .ok)
    machine.oneDNN = nil
    #expect(Examination.oneDNN(machine).advice?.contains("libdnnl") == true)
    machine.level = 2
    #expect(Examination.processor(machine).state == .note)
    machine.memory = 1 << 30
    #expect(Examination.memory(machine).state == .note)
  }

  @Test func aGPUOrWhyThereIsNone() {
    struct Busy: Failure {
      var message: String { "the card is busy" }
      var help: String? { "wait" }
    }
    let none = Examination.gpu { nil }
    #expect(none.state == .note && none.found.contains("no GPU backend"))
    let busy = Examination.gpu { throw Busy() }
    #expect(busy.found == "the card is busy" && busy.advice?.hasSuffix("with one: wait") == true)
    let found = Examination.gpu {
      Device(kind: .cuda(1), name: "NVIDIA H200", memory: 150_000_000_000)
    }
    #expect(found.state == .ok && found.found == "cuda:1: NVIDIA H200, 150.0 GB")
  }

  @Test func aDemoPackThatIsIncomplete() throws {
    let folder = try Shared.temporaryFolder()
    let files = FileManager.default
    defer { try? files.removeItem(atPath: folder) }
    try files.createDirectory(atPath: "\(folder)/demo/llama", withIntermediateDirectories: true)
    try files.copyItem(atPath: "\(Shared.root)/stdlib/demo/phi", toPath: "\(folder)/demo/phi")
    let missing = Examination.demo(folder)
    #expect(missing.state == .problem && missing.found.contains("llama"))

    let weights = "\(folder)/demo/phi/model.safetensors"
    let bytes = try #require(files.contents(atPath: weights))
    try bytes.prefix(bytes.count / 2).write(to: URL(filePath: weights))
    let cut = Examination.demo(folder)
    #expect(cut.state == .problem && cut.found.contains("model.safetensors"))
    #expect(cut.advice?.contains("install olv again") == true)
  }

  @Test func foldersThatAreWrittenTo() throws {
    let folder = try Shared.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let good = Examination.writable("cache", "\(folder)/to/be/made", "advice")
    #expect(good.state != .problem && good.found.hasPrefix("\(folder)/to/be/made"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/to"))
    // A file is in the way.
    try Data().write(to: URL(filePath: "\(folder)/file"))
    let bad = Examination.writable("cache", "\(folder)/file/olv", "set X")
    #expect(bad.state == .problem && bad.advice == "set X")
    #expect(Examination.writable("cache", nil, "set X").state == .note)

    #expect(Examination.folder("XDG_CACHE_HOME", ".cache", ["XDG_CACHE_HOME": "/c"]) == "/c/olv")
    #expect(Examination.folder("XDG_CACHE_HOME", ".cache", ["HOME": "/h"]) == "/h/.cache/olv")
    #expect(Examination.folder("XDG_CACHE_HOME", ".cache", [:]) == nil)
  }

  @Test func theShellsCommand() throws {
    #expect(Examination.path(["PATH": "/nonexistent"]).advice?.contains("PATH") == true)
    let folder = try Shared.temporaryFolder()
    let files = FileManager.default
    defer { try? files.removeItem(atPath: folder) }
    try files.createSymbolicLink(
      atPath: "\(folder)/olv", withDestinationPath: "/bin/true")
    #expect(Examination.path(["PATH": folder]).found.contains("while the shell's `olv` is"))
    try files.removeItem(atPath: "\(folder)/olv")
    try files.createSymbolicLink(
      atPath: "\(folder)/olv",
      withDestinationPath: try files.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    #expect(Examination.path(["PATH": folder]).state == .ok)
  }

  @Test(arguments: [
    (["LC_ALL": "C.UTF-8"], Finding.State.ok), (["LANG": "de_DE.utf8"], .ok),
    (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], .note), ([:], .note),
    (["LC_ALL": "", "LANG": "en_US.UTF-8"], .ok),
  ])
  func locales(_ environment: [String: String], _ state: Finding.State) {
    #expect(Examination.locale(environment).state == state)
  }

  @Test func terminals() {
    let check = Examination.terminal
    #expect(check(["TERM": "xterm"], true, 100).state == .ok)
    #expect(check(["TERM": "xterm"], true, 60).state == .note)
    #expect(check(["TERM": "dumb"], true, 100).state == .note)
    #expect(check([:], true, 100).state == .note)
    #expect(check([:], false, 80).state == .ok)
  }

  @Test func adviceStandsUnderWhatWasFound() {
    let lines = Finding.problem("OpenBLAS", "missing", "install it").text.split(separator: "\n")
    #expect(
      lines == ["problem  OpenBLAS         missing", "                          → install it"])
    #expect(Finding.ok("locale", "LANG=C.UTF-8").text == "ok       locale           LANG=C.UTF-8")
  }
}

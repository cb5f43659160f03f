import FoundationEssentials
import Glibc
import JSON
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(Doctor.self, in: $0) }

/// `doctor`
struct Doctor: Verb {
  static let name = "doctor"
  static let isRehearsed = false
  static let takesTime = true
  static let summary = "whether all that olv needs is there, and what to do where it is not"
  static let details = """
    Looks at the processor, the libraries that are opened at run time, the GPU and its driver, olv's own files, the \
    folders that it writes, and the terminal. `note` means that something would work better, `problem` that something \
    does not work; the script then fails. `selftest` goes on from here: it tells whether what is there computes rightly.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("doctor", "the same as `olv doctor` on the command line"),
    Example("device cpu; doctor", "what there is for the CPU"),
  ]
  static let seeAlso = ["selftest", "device", "models"]
  static let alsoKnownAs = ["diagnose", "check installation"]

  func run(_ context: RunContext) throws -> Outcome {
    let engine = try context.engine
    let findings = Self.findings(
      engine, library: context.session.standardLibraryFolder,
      environment: ProcessInfo.processInfo.environment)
    let problems = findings.filter { $0.state == .problem }
    let notes = findings.filter { $0.state == .note }
    let summary =
      problems.isEmpty
      ? notes.isEmpty ? "all is well" : "olv works; \(Words.counted(notes.count, "note")) above"
      : "\(Words.counted(problems.count, "problem")) above"
    context.show(
      Report(
        value: Double(problems.count),
        fields: JSONObject([
          ("problems", .int(problems.count)), ("notes", .int(notes.count)),
          ("checks", .array(findings.map(\.json))),
        ]),
        display: findings.map { .text($0.text) } + [.text(summary)]))
    guard problems.isEmpty else { throw Unwell(problems: problems.map(\.name)) }
    return .nothing()
  }

  static func findings(
    _ engine: Engine, library: String?, environment: [String: String]
  ) -> [Finding] {
    let machine = CPUInstallation.inspect()
    var size = winsize()
    let isTerminal = isatty(1) == 1
    let hasSize = isTerminal && ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return [
      Examination.processor(machine), Examination.memory(machine),
      Examination.openBLAS(machine, environment), Examination.oneDNN(machine),
      Examination.gpu(engine.gpu), Examination.path(environment),
      Examination.standardLibrary(library), Examination.demo(library),
      Examination.hub(engine.cache),
      Examination.writable(
        "cache", Examination.folder("XDG_CACHE_HOME", ".cache", environment),
        "set XDG_CACHE_HOME to a folder that can be written"),
      Examination.writable(
        "history", Examination.folder("XDG_STATE_HOME", ".local/state", environment),
        "set XDG_STATE_HOME to a folder that can be written"),
      Examination.terminal(
        environment, isTerminal: isTerminal, columns: hasSize ? Int(size.ws_col) : 80),
      Examination.locale(environment),
    ]
  }

}

/// What `doctor` ends a script with where something does not work.
struct Unwell: Failure, Equatable {
  var problems: [String]
  var message: String { "something does not work: \(problems.joined(separator: ", "))" }
  var help: String? { "what to do stands under each `problem` above" }
}

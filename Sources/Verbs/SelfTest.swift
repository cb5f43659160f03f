import Conformance
import JSON
import Runtime
import Session
import Tensor

@section("olv_verbs") @used private let register: VerbEntry = { declare(SelfTest.self, in: $0) }

/// `selftest [only=[…]] [seed=]`
struct SelfTest: Verb {
  static let name = "selftest"
  static let isRehearsed = false
  static let takesTime = true
  static let summary = "whether the device computes what it should, operation by operation"
  static let details = """
    Every operation runs on fresh random inputs of odd sizes, forward and backward, and is compared with the CPU: in one \
    thread and in f32 where the device is the CPU itself. Outputs are filled with NaN first, so that what is left unwritten \
    shows. Errors are ‖found − wanted‖ / ‖wanted‖, for codes the share that differs; each has its tolerance.
    """
  static let input = VerbInput.nothing
  static let examples = [
    Example("selftest only=[add swiGLU]", "two operations"),
    Example("selftest only=gram seed=7", "one, on other inputs"),
  ]
  static let seeAlso = ["device"]

  @Opt(
    "only", "these operations; all by default", noun: "operation", choices: Conformance.operations)
  var only: [String] = []
  @Opt("seed", "seeds the inputs", range: 0...) var seed: Int = 42

  func run(_ context: RunContext) throws -> Outcome {
    let backend = try context.backend()
    let reference = try CPUBackend(threads: backend.device.kind == .cpu ? 1 : nil)
    let operations = only.isEmpty ? Conformance.operations : only
    var rows: [[String]] = []
    let outcomes = try Conformance.run(
      backend, against: reference, seed: UInt64(seed), only: operations
    ) { outcomes in
      guard let first = outcomes.first else { return }
      let worst = outcomes.max { $0.strain < $1.strain } ?? first
      let failed = outcomes.filter { !$0.passed }
      rows.append([
        first.operation, "\(outcomes.count)", Words.short(worst.error),
        Words.short(worst.tolerance), failed.isEmpty ? "ok" : "\(failed.count) failed",
      ])
      context.progress(
        Progress(
          stage: "selftest \(first.operation)", done: rows.count, total: operations.count,
          unit: "operations"))
    }
    let failed = outcomes.filter { !$0.passed }
    var display: [Display] = [
      .grid(Grid(columns: ["operation", "cases", "worst error", "tolerance", ""], rows: rows))
    ]
    if !failed.isEmpty {
      display.append(
        .grid(
          Grid(
            columns: ["operation", "case", "error", "tolerance"],
            rows: failed.map {
              [
                $0.operation, $0.what, $0.failure ?? Words.short($0.error),
                Words.short($0.tolerance),
              ]
            })))
    }
    context.show(
      Report(
        value: Double(failed.count),
        fields: JSONObject([
          ("cases", .int(outcomes.count)), ("failed", .int(failed.count)),
          (
            "outcomes",
            .array(
              outcomes.map { outcome in
                var object = JSONObject([
                  ("operation", .string(outcome.operation)), ("case", .string(outcome.what)),
                  ("error", outcome.error.isFinite ? .number(outcome.error) : .null),
                  ("tolerance", .number(outcome.tolerance)), ("passed", .bool(outcome.passed)),
                ])
                if let failure = outcome.failure { object["failure"] = .string(failure) }
                return .object(object)
              })
          ),
        ]), display: display))
    guard failed.isEmpty else {
      throw SelfTestFailed(
        device: backend.device.description, failed: failed.count, cases: outcomes.count)
    }
    return .nothing()
  }
}

extension Conformance.Outcome {
  /// How much of its tolerance the error takes.
  fileprivate var strain: Double {
    failure != nil || error.isNaN ? .infinity : tolerance > 0 ? error / tolerance : error
  }
}

struct SelfTestFailed: Failure, Equatable {
  var device: String
  var failed: Int
  var cases: Int
  var message: String { "\(failed) of \(cases) cases failed on \(device)" }
  var help: String? {
    "what this device computes is not to be trusted; --device cpu does without it"
  }
}

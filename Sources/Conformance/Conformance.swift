import Runtime
import Tensor

/// What a backend is asked on fresh random inputs, and how far its answers may lie from those of another.
///
/// Every operation of the protocol has a check, forward and backward, on sizes that fit nothing. New tensors are filled
/// with NaN first where the backend can, so that what an operation leaves unwritten shows.
public struct Conformance {
  /// One comparison.
  public struct Outcome: Sendable, Hashable {
    /// The operation: `linear`.
    public var operation: String
    /// The case: `packed 4 bits, adapter: dx`.
    public var what: String
    /// ‖found − wanted‖ / ‖wanted‖, or a share of codes; NaN where there was no answer.
    public var error: Double
    public var tolerance: Double
    /// What was thrown.
    public var failure: String?

    public var passed: Bool { failure == nil && error <= tolerance }
  }

  /// The check of one operation: asks `trial` and records what came back.
  struct Check: Sendable {
    let operation: String
    let run: @Sendable (inout Trial) throws -> Void

    init(_ operation: String, _ run: @escaping @Sendable (inout Trial) throws -> Void) {
      (self.operation, self.run) = (operation, run)
    }
  }

  /// A new operation's check is its line here.
  static let checks: [Check] =
    memory + elementwise + norms + linears + attentions + losses + algebra + optimizers
    + quantization

  public static var operations: [String] { checks.map(\.operation) }

  /// Runs the checks.
  ///
  /// - Parameters:
  ///   - device: What is checked.
  ///   - reference: What is believed.
  ///   - only: The operations to check; nil for all.
  ///   - report: Receives each operation's outcomes as they come.
  /// - Throws: `Cancelled`; everything else becomes an outcome.
  public static func run(
    _ device: any Backend, against reference: any Backend, seed: UInt64, only: [String]? = nil,
    report: ([Outcome]) -> Void = { _ in }
  ) throws -> [Outcome] {
    let measured = device as? any MeasuredBackend
    let poisoned = measured?.poisons ?? false
    measured?.poisons = true
    defer { measured?.poisons = poisoned }
    var all: [Outcome] = []
    for check in checks where only?.contains(check.operation) ?? true {
      try Interrupt.check()
      var trial = Trial(check.operation, device, reference, seed: seed)
      do { try check.run(&trial) } catch is Cancelled { throw Cancelled() } catch {
        trial.fail(error)
      }
      report(trial.outcomes)
      all += trial.outcomes
    }
    return all
  }
}

/// How far answers may lie apart, relative to their size.
enum Tolerance {
  /// The same bits.
  static let exact = 0.0
  /// f32 sums in another order.
  static let single = 2e-5
  /// Factors with 10 bits after the point.
  static let tensor32 = 2e-3
  /// One rounding to bf16: 2⁻⁹ at most, about half of that on average.
  static let half = 4e-3
  /// A few roundings to bf16 on the way.
  static let halves = 1e-2
  /// Codes that may differ: near ties, which another order of sums moves.
  static let ties = 2e-3
  /// Codes that may differ after errors were spread from column to column.
  static let spreadTies = 3e-2
}

import Language
import Runtime

/// Work that is rehearsed: verbs run as they are, on models without numbers, and what they ask of the device is noted.
public protocol Rehearsal: AnyObject {
  /// The model as it is rehearsed with: of the same shape, under the same name.
  func rehearsed(_ model: any ModelValue) throws -> any ModelValue
  /// A stage begins.
  func begin()
  /// The stage ends.
  ///
  /// - Returns: Its number, from 0.
  func end() -> Int
  /// Runs `body` within a stage, without counting what it asks for: what it makes takes memory all the same.
  func unnoticed<Result>(_ body: () throws -> Result) rethrows -> Result
  /// What the stage that runs costs so far, before anything was measured.
  var roughSeconds: Double { get }
  /// Measures the operations that take most of the time, 10 seconds at most, where it is not known how long they take.
  func measure(_ progress: ProgressHandler?) throws
  /// What a stage will cost.
  func forecast(_ stage: Int) -> Forecast
  /// Bytes that are there to be used.
  var room: Int { get }
}

/// What a stage costs.
public struct Forecast: Sendable, Equatable {
  /// Floating-point operations.
  public var flops = 0.0
  /// Bytes that operations read and write at least.
  public var moved = 0.0
  /// Bytes in use at most: of the process, or of the GPU.
  public var memory = 0
  /// Bytes written.
  public var disk = 0
  public var seconds = 0.0

  public init() {}
}

/// A verb that cannot be rehearsed by running it, because it writes files or looks at numbers that are not there yet.
public protocol RehearsedVerb: Verb {
  /// Does in a rehearsal what stands for the work.
  func rehearse(_ context: RunContext) throws -> Outcome
}

extension RunContext {
  /// Notes in a rehearsal that the verb will write so many bytes.
  public func willWrite(_ bytes: Int) { book?.willWrite(bytes) }
}

/// Says nothing: a rehearsal's results are not real.
final class Silence: Presenter {
  func show(_ report: Report) {}
  func show(_ table: Table) {}
  func show(_ value: Datum) {}
  func write(_ text: String) {}
  func progress(_ progress: Progress) {}
  func show(_ diagnostic: Diagnostic) {}
}

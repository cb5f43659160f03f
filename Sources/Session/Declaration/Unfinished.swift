import Runtime

/// What a verb throws when it had to stop but has something worth keeping: the fine-tune that was interrupted at step 60.
///
/// The session shows the report and names the model `$stopped`; the current model stays the one before, and the statement
/// fails (or counts as interrupted).
public struct Unfinished: Failure {
  /// Why it stopped; `Cancelled` for the user's own interrupt.
  public var failure: any Failure
  public var model: any ModelValue
  public var report: Report

  public init(_ failure: any Failure, keeping model: any ModelValue, report: Report) {
    self.failure = failure
    self.model = model
    self.report = report
  }

  public var message: String { failure.message }
  public var help: String? { failure.help }
}

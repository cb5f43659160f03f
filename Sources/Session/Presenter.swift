import Language
import Runtime

/// Where a session shows things: a console, a notebook, a test.
public protocol Presenter: AnyObject, Sendable {
  /// A verb's report.
  func show(_ report: Report)
  /// The results of branches.
  func show(_ table: Table)
  /// A plain value that a statement yielded.
  func show(_ value: Datum)
  /// Text as it comes, without a line end of its own.
  func write(_ text: String)
  /// Progress of what runs now. May be called from any thread.
  func progress(_ progress: Progress)
  /// A warning about a script that runs all the same.
  func show(_ diagnostic: Diagnostic)
  /// A statement of the script's top level begins.
  func begin(_ statement: Statement)
}

extension Presenter {
  public func begin(_ statement: Statement) {}
}

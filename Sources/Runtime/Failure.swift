/// An error that a person can act on.
///
/// Every error that leaves a module of olv conforms. Conforming types are values that carry the facts (operation,
/// shapes, data types, path, byte offset, line); `message` puts them into one sentence and `help` says what to do.
/// The layer that knows the user's statement adds the span.
public protocol Failure: Error, Sendable, CustomStringConvertible {
  /// What was expected and what was found, in one sentence without a trailing full stop.
  var message: String { get }
  /// What to do about it, or nil where the message already says so.
  var help: String? { get }
}

extension Failure {
  public var help: String? { nil }
  public var description: String { help.map { "\(message) (\($0))" } ?? message }
}

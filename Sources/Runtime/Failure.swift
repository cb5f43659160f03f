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
  /// What the name that was not found most likely should have been, or nil.
  var meant: String? { get }
  /// A name that stays, for tests and tools: the module and the type's name, or the case's of an enumeration, as in
  /// `data.unknown-column` and `data.no-split`.
  var identifier: String { get }
}

extension Failure {
  public var help: String? { nil }
  public var meant: String? { nil }
  public var identifier: String {
    let mirror = Mirror(reflecting: self)
    let path = String(reflecting: type(of: self)).split(separator: ".")
    // A case without facts has no name that can be read: it goes by its type's.
    let label = mirror.displayStyle == .enum ? mirror.children.first?.label : nil
    let name = label ?? path.last.map(String.init)
    return (path.first?.lowercased() ?? "") + "." + (name ?? "failure").hyphenated
  }
  public var description: String { help.map { "\(message) (\($0))" } ?? message }
}

extension String {
  /// `NoSuchFile` as `no-such-file`.
  fileprivate var hyphenated: String {
    var result = ""
    var wasUpper = true
    for character in self {
      if character.isUppercase, !wasUpper { result += "-" }
      wasUpper = character.isUppercase
      result += character.lowercased()
    }
    return result
  }
}

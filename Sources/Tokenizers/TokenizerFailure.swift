import Runtime

/// A tokenizer that cannot be read: which file, which place in it, and why.
public enum TokenizerFailure: Failure, Equatable {
  /// The file is not there or cannot be read.
  case unreadable(path: String, reason: String)
  /// A field is absent.
  case missing(path: String, field: String)
  /// A field holds something of another kind.
  case mistyped(path: String, field: String, expected: String, found: String)
  /// A field contradicts another or holds a value that cannot be.
  case invalid(path: String, field: String, reason: String)
  /// A component of a kind that olv does not have.
  case unsupported(
    path: String, field: String, component: String, found: String, supported: [String])

  public var message: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .missing(let path, let field): "\(path): `\(field)` is missing"
    case .mistyped(let path, let field, let expected, let found):
      "\(path): `\(field)` must be \(expected), not \(found)"
    case .invalid(let path, let field, let reason): "\(path): `\(field)`: \(reason)"
    case .unsupported(let path, let field, let component, let found, _):
      "\(path): `\(field)`: no \(component) `\(found)`"
    }
  }

  public var help: String? {
    if case .unsupported(_, _, _, _, let supported) = self, !supported.isEmpty {
      return "supported: \(supported.joined(separator: ", "))"
    }
    return nil
  }
}

import Runtime

/// A finding about a script: what is wrong, where, and what to do.
public struct Diagnostic: Failure, Equatable {
  public enum Severity: String, Sendable { case error, warning }

  public var severity: Severity
  /// A stable identifier such as `syntax.unclosed`, for tests and tools.
  public var code: String
  /// One sentence without a trailing full stop; backquotes around what stands in the script.
  public var message: String
  /// Where it is; nil for what no line of the script is to blame for.
  public var span: Span?
  /// A few words that stand behind the carets.
  public var label: String?
  public var help: String?
  /// Further facts, one line each.
  public var notes: [String]

  public init(
    _ severity: Severity = .error, code: String, _ message: String, at span: Span?,
    label: String? = nil, help: String? = nil, notes: [String] = []
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.span = span
    self.label = label
    self.help = help
    self.notes = notes
  }

  /// Any failure, with the place in the script that ran into it. A diagnostic that knows its place keeps it.
  public init(_ error: any Error, at span: Span?) {
    if let diagnostic = error as? Diagnostic {
      self = diagnostic
      self.span = diagnostic.span ?? span
    } else if let failure = error as? any Failure {
      self.init(code: failure.identifier, failure.message, at: span, help: failure.help)
    } else {
      self.init(code: "system", "\(error)", at: span)
    }
  }

  public var identifier: String { code }

  public var source: Source? { span?.source }
  /// 1-based line and column of the start, where the place is known.
  public var line: Int? { span?.line }
  public var column: Int? { span?.column }
}

/// Everything that is wrong with one script, reported together.
public struct DiagnosticSet: Failure, Equatable {
  /// Never empty when thrown.
  public var diagnostics: [Diagnostic]

  public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

  public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

  public var message: String {
    let errors = errors
    guard let first = errors.first ?? diagnostics.first else { return "no errors" }
    return errors.count > 1 ? "\(first.message) (and \(errors.count - 1) more)" : first.message
  }

  public var help: String? { (errors.first ?? diagnostics.first)?.help }
}

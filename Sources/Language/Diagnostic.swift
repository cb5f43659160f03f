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
  /// What the text at the place most likely should be; the label says so where it says nothing else.
  public var meant: String? {
    didSet { label = label ?? meant.map(Self.question) }
  }
  /// What would make it right, where that is not `meant` in the text's place.
  public var change: Correction?

  public init(
    _ severity: Severity = .error, code: String, _ message: String, at span: Span?,
    label: String? = nil, help: String? = nil, notes: [String] = [], meant: String? = nil,
    change: Correction? = nil
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.span = span
    self.label = label ?? meant.map(Self.question)
    self.help = help
    self.notes = notes
    self.meant = meant
    self.change = change
  }

  private static func question(_ meant: String) -> String { "did you mean `\(meant)`?" }

  /// Any failure, with the place in the script that ran into it. A diagnostic that knows its place keeps it.
  public init(_ error: any Error, at span: Span?) {
    if let diagnostic = error as? Diagnostic {
      self = diagnostic
      self.span = diagnostic.span ?? span
    } else if let failure = error as? any Failure {
      self.init(
        code: failure.identifier, failure.message, at: span, help: failure.help,
        meant: failure.meant)
    } else {
      self.init(code: "system", "\(error)", at: span)
    }
  }

  public var identifier: String { code }

  /// What would make it right, where that can be told.
  public var correction: Correction? {
    if let change { return change }
    guard let span, let meant else { return nil }
    let isPlain = meant.isBareWord || meant.hasPrefix("$")
    return Correction(replacing: span, with: isPlain ? meant : "\"\(meant)\"")
  }

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

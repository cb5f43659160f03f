import Language
import Runtime

/// Why a script did not run, or not to its end.
public enum ScriptError: Failure {
  /// It was not started: what is wrong with it, all of it.
  case refused([Diagnostic])
  /// A statement failed. What ran before it stands.
  case failed(Diagnostic)
  /// The user stopped it. What ran before stands; `kept` says so.
  case interrupted(at: Span?, kept: String)

  public var diagnostics: [Diagnostic] {
    switch self {
    case .refused(let diagnostics): diagnostics
    case .failed(let diagnostic): [diagnostic]
    case .interrupted(let span, let kept):
      [Diagnostic(code: "interrupted", "interrupted", at: span, help: kept)]
    }
  }

  public var message: String { DiagnosticSet(diagnostics).message }
  public var help: String? { diagnostics.first?.help }

  /// The status that the program ends with.
  public var exitStatus: Int32 {
    switch self {
    case .refused: 2
    case .failed: 1
    case .interrupted: 130
    }
  }
}

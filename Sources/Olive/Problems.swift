import Language
import Runtime

/// What a translation has to say beside the script: what it cannot do, and what it does otherwise.
final class Problems {
  private(set) var errors: [Diagnostic] = []
  private(set) var notes: [Diagnostic] = []

  /// Something that cannot be translated. `meant` is what the text at the place most likely should be, and `change` what
  /// makes it right where that is another text or at another place.
  func refuse(
    _ message: String, at span: Span, label: String? = nil, help: String? = nil,
    meant: String? = nil, change: Correction? = nil
  ) {
    errors.append(
      Diagnostic(
        code: "olive.unsupported", message, at: span, label: label, help: help, meant: meant,
        change: change))
  }

  /// Something that has no counterpart here, or another meaning, and changes no number or says which.
  func note(_ message: String, at span: Span, help: String? = nil) {
    notes.append(Diagnostic(.warning, code: "olive.differs", message, at: span, help: help))
  }
}

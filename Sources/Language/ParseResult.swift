/// What parsing a source gave. The script holds every statement that could be read, also beside errors.
public struct ParseResult: Sendable {
  public var script: Script
  /// In source order.
  public var diagnostics: [Diagnostic]
  /// Whether the only thing wrong is that the text ends too early: a prompt then asks for another line.
  public var isIncomplete: Bool

  public init(script: Script, diagnostics: [Diagnostic], isIncomplete: Bool) {
    self.script = script
    self.diagnostics = diagnostics
    self.isIncomplete = isIncomplete
  }

  /// The script if it has no errors.
  ///
  /// - Throws: `DiagnosticSet` with all of them.
  public func get() throws -> Script {
    if diagnostics.contains(where: { $0.severity == .error }) {
      throw DiagnosticSet(diagnostics)
    }
    return script
  }
}

import JSON
import Language
import Runtime
import Session
import TestSupport
import Verbs

/// A session over the demo pack that keeps what is shown.
final class Workbench: Presenter, @unchecked Sendable {
  var reports: [Report] = []
  var tables: [Table] = []
  var values: [Datum] = []
  var warnings: [Diagnostic] = []
  var text = ""

  private(set) var session: Session! = nil

  /// - Parameter environment: Without a place for a cache, unless a test names one of its own.
  init(
    prelude: Bool = true, environment: [String: String] = ["HF_HOME": "/nonexistent"],
    standardLibrary: String = "\(Shared.root)/stdlib"
  ) throws {
    session = Session(
      host: Engine(environment: environment), presenter: self,
      standardLibrary: standardLibrary)
    if prelude { try session.loadPrelude() }
  }

  func show(_ report: Report) { reports.append(report) }
  func show(_ table: Table) { tables.append(table) }
  func show(_ value: Datum) { values.append(value) }
  func write(_ text: String) { self.text += text }
  func progress(_ progress: Progress) {}
  func show(_ diagnostic: Diagnostic) { warnings.append(diagnostic) }

  /// Runs a script; paths in it start at the package's root where they say `ROOT`.
  @discardableResult
  func run(_ script: String) throws -> Workbench {
    try session.run(
      Source(name: "test", text: script.replacingRoot()))
    return self
  }

  /// What a script is refused or fails with.
  func failure(_ script: String) -> [Diagnostic] {
    do {
      try run(script)
      return []
    } catch let error as ScriptError { return error.diagnostics } catch { return [] }
  }

  var last: Report? { reports.last }
}

extension String {
  func replacingRoot() -> String {
    split(separator: "ROOT", omittingEmptySubsequences: false).joined(separator: Shared.root)
  }
}

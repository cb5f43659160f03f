import FoundationEssentials
import Glibc
import Language
import Runtime
import Session

/// What `olv check` and `olv fmt` do with files.
struct Scripts {
  private let session: Session
  private let screen: Screen

  init(_ session: Session, _ screen: Screen) {
    self.session = session
    self.screen = screen
  }

  /// Shows what is wrong with every file.
  ///
  /// - Returns: 2 where there are errors; warnings are none.
  func check(_ paths: [String]) throws -> Int32 {
    var status: Int32 = 0
    for path in paths {
      let diagnostics = session.check(try read(path))
      screen.show(diagnostics)
      if diagnostics.contains(where: { $0.severity == .error }) { status = 2 }
    }
    return status
  }

  /// Lays every file out anew; standard input goes to standard output. A file that is as it should be is not written.
  ///
  /// - Parameter checks: Only names the files that need it.
  /// - Returns: 2 where a file has syntax errors, 1 where one needs it and `checks`.
  func format(_ paths: [String], checks: Bool) throws -> Int32 {
    var status: Int32 = 0
    for path in paths {
      let source = try read(path)
      let text: String
      do { text = try Language.format(source) } catch let error as DiagnosticSet {
        screen.show(error.diagnostics)
        status = 2
        continue
      }
      if checks {
        guard text != source.text else { continue }
        screen.show(.string(source.name))
        status = max(status, 1)
      } else if path == "-" {
        screen.write(text)
      } else if text != source.text {
        try write(text, to: path)
      }
    }
    return status
  }

  /// Runs a script from the beginning and writes the page of it, also where it fails: errors stand in their places.
  ///
  /// - Parameter output: The page's path; nil: the script's, with `.html`; `-`: standard output.
  /// - Returns: The status that running the script ends with.
  func render(
    _ path: String, to output: String?, _ recorder: PageRecorder, _ words: CommandWords
  ) -> Int32 {
    defer { screen.finish() }
    do {
      let source = try read(path)
      var status: Int32 = 0
      do { try session.run(source, arguments: ScriptArguments()) } catch let error as ScriptError {
        for diagnostic in error.diagnostics { recorder.add(diagnostic, of: source) }
        screen.show(error.diagnostics)
        status = error.exitStatus
      }
      var page = Page(source, parse(source).script, recorder)
      page.isWhole = status == 0
      let name = path.hasSuffix(".olv") ? String(path.dropLast(4)) : path
      let target = output ?? name + ".html"
      if target == "-" { screen.write(page.html) } else { try write(page.html, to: target) }
      return status
    } catch {
      screen.show([words.diagnostic(error, blaming: output)])
      return 2
    }
  }

  /// An editor or a crash in between must not see half a script. It stays executable if it was.
  private func write(_ text: String, to path: String) throws {
    var status = stat()
    let isKnown = stat(path, &status) == 0
    do { try Data(text.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
      throw UnwritableScript(path: path, reason: "\(error)")
    }
    if isKnown { chmod(path, status.st_mode & 0o7777) }
  }

  private func read(_ path: String) throws -> Source {
    path == "-" ? try Source.standardInput() : try Source(path: path)
  }
}

/// A script that cannot be written.
struct UnwritableScript: Failure, Equatable {
  var path: String
  var reason: String
  var message: String { "cannot write `\(path)`: \(reason)" }
}

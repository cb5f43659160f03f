import Glibc
import Language
import Runtime
import ScriptGenerator
import Session
import Synchronization
import Verbs

/// `olv-fuzz [SECONDS] [SEED]`: scripts that are made up, mutated, or strewn from pieces go through lexer, parser, formatter
/// and binder with the real verbs. A crash or an input that takes over ten seconds ends it with status 1 and the input.
@main struct Main {
  static func main() throws {
    let words = Swift.CommandLine.arguments.dropFirst().compactMap(UInt64.init)
    let seconds = Double(words.first ?? 60)
    let seed = words.dropFirst().first ?? UInt64(time(nil))
    print("olv-fuzz: \(Int(seconds)) s with seed \(seed)")
    Watch.install()
    var inputs = Inputs(seed: seed)
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0
    var bound = 0
    while start.duration(to: clock.now) < .seconds(seconds) {
      let host = Engine(environment: ["HF_HOME": "/nonexistent"])
      let session = Session(host: host, presenter: Silence(), standardLibrary: "stdlib")
      try session.loadPrelude()
      for _ in 0..<50 {
        let bytes = inputs.next()
        Watch.begin(bytes)
        if check(Source(name: "fuzz", bytes: bytes), session) { bound += 1 }
        count += 1
      }
    }
    Watch.end()
    print("\(count) scripts, \(bound) of them without syntax errors: no crash, no hang")
  }

  /// - Returns: Whether the script was read, so that the binder saw it.
  private static func check(_ source: Source, _ session: Session) -> Bool {
    let diagnostics = session.check(source)
    for diagnostic in diagnostics {
      _ = diagnostic.rendered()
      Watch.require(diagnostic.span != nil, "a diagnostic without a place: \(diagnostic.message)")
    }
    Watch.require(
      source.highlighted().map(\.text).joined() == source.text, "highlighting loses text")
    let result = parse(source)
    guard result.diagnostics.isEmpty else { return false }
    guard let formatted = try? format(source) else { return true }
    let again = parse(Source(name: "formatted", text: formatted))
    Watch.require(
      again.diagnostics.isEmpty && again.script == result.script, "formatting changes the script")
    Watch.require(
      (try? format(Source(name: "again", text: formatted))) == formatted, "formatting is not stable"
    )
    return true
  }
}

/// Shows nothing.
private final class Silence: Presenter {
  func show(_ report: Report) {}
  func show(_ table: Table) {}
  func show(_ value: Datum) {}
  func write(_ text: String) {}
  func progress(_ progress: Progress) {}
  func show(_ diagnostic: Diagnostic) {}
}

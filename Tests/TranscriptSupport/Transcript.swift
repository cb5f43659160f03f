import Console
import FoundationEssentials
import Language
import Session
import Synchronization

/// A pasted terminal session (`*.olvt`): inputs behind `olv> ` (continued behind `...> `), and under each what it shows.
///
/// In what is expected, `…` stands for any text within a line, and a line of `…` alone for any lines. Lines before the
/// first input are remarks.
public struct Transcript: Sendable {
  public struct Step: Sendable, Equatable {
    public var input: String
    public var expected: [String]
    /// 1-based line of the input.
    public var line: Int
  }

  public var steps: [Step] = []

  public init(_ text: String) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.hasPrefix("olv> ") {
        steps.append(Step(input: String(line.dropFirst(5)), expected: [], line: index + 1))
      } else if steps.isEmpty {
        continue
      } else if line.hasPrefix("...> ") {
        steps[steps.count - 1].input += "\n" + line.dropFirst(5)
      } else {
        steps[steps.count - 1].expected.append(String(line))
      }
    }
    for index in steps.indices {
      while steps[index].expected.last?.isEmpty == true { steps[index].expected.removeLast() }
    }
  }

  public init(path: String) throws {
    self.init(
      String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self))
  }

  /// Runs every input in one session and compares what it shows.
  ///
  /// - Returns: A description of every step that shows something else.
  public func replay(
    host: any Host, verbs: [any Verb.Type]? = nil, standardLibrary: String? = nil
  ) -> [String] {
    let shown = Shown()
    var style = Screen.Style()
    style.isQuiet = true
    let screen = Screen(style: style, out: { shown.add($0) }, err: { shown.add($0) })
    let session = Session(
      host: host, presenter: screen, verbs: verbs, standardLibrary: standardLibrary)
    var failures: [String] = []
    do { try session.loadPrelude() } catch { failures.append("the prelude: \(error)") }
    for step in steps {
      do {
        try session.run(Source(name: "olv>", text: step.input))
      } catch let error as ScriptError {
        for diagnostic in error.diagnostics { screen.show(diagnostic) }
      } catch {
        failures.append("line \(step.line): \(error)")
      }
      screen.finish()
      let lines = shown.take()
      if !Self.matches(step.expected[...], lines[...]) {
        failures.append(
          "line \(step.line): `\(step.input)` shows\n" + lines.joined(separator: "\n"))
      }
    }
    return failures
  }

  /// Whether lines are as expected.
  static func matches(_ expected: ArraySlice<String>, _ found: ArraySlice<String>) -> Bool {
    guard let first = expected.first else { return found.isEmpty }
    if first == "…" {
      return (found.startIndex...found.endIndex).contains {
        matches(expected.dropFirst(), found[$0...])
      }
    }
    guard let line = found.first, matches(line: line, first) else { return false }
    return matches(expected.dropFirst(), found.dropFirst())
  }

  private static func matches(line: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "…", omittingEmptySubsequences: false)
    guard parts.count > 1, let head = parts.first, let tail = parts.last else {
      return line == pattern
    }
    guard line.hasPrefix(head) else { return false }
    var rest = line.dropFirst(head.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(tail)
  }
}

/// What a screen wrote.
private final class Shown: Sendable {
  private let text = Mutex("")

  func add(_ more: String) { text.withLock { $0 += more } }

  /// The lines since the last call.
  func take() -> [String] {
    let all = text.withLock { text in
      defer { text = "" }
      return text
    }
    var lines = all.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}

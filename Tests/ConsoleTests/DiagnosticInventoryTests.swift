import FoundationEssentials
import TestSupport
import Testing

/// Every error that the sources can raise stands in `Tests/Fixtures/Diagnostics` as a person would read it.
///
/// The sources are read as text: every type that is a `Failure`, every case of those that are enumerations, every code and every
/// message that a `Diagnostic` is made with, and every message that a verb says about an argument.
@Suite struct DiagnosticInventoryTests {
  /// Carriers of other failures, or made known under codes of their own; and what only tests and olv itself can see.
  static let carriers: Set = [
    "Diagnostic", "DiagnosticSet", "ScriptError", "ArgumentFailure", "Unfinished", "Interruption",
    "Cancelled", "NotYetKnown", "Mismatch", "ChoiceFailure", "RangeFailure",
  ]

  /// What takes a report whose numbers are all NaN, or a machine without memory.
  static let unreached: Set = ["there are no numbers to draw", "no memory to read YAML"]

  static let goldens: String = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: Goldens.folder)) ?? []
    return names.sorted().compactMap { name in
      FileManager.default.contents(atPath: "\(Goldens.folder)/\(name)").map {
        String(decoding: $0, as: UTF8.self)
      }
    }.joined(separator: "\n")
  }()

  /// The messages of all cases, by their severity's line.
  static let messages: [Substring] = goldens.split(separator: "\n").compactMap { line in
    ["error: ", "warning: "].first { line.hasPrefix($0) }.map { line.dropFirst($0.count) }
  }

  @Test func everyFailureHasAGolden() {
    let missing = SourceText.all.flatMap(\.failures).filter { failure in
      !Self.carriers.contains(failure.type) && !Self.goldens.contains("[\(failure.identifier)]\n")
    }
    for failure in missing {
      Issue.record(
        "\(failure.file): no golden for [\(failure.identifier)]: add one to Tests/Fixtures/Diagnostics, or its value to FailureGoldenTests"
      )
    }
  }

  @Test func everyCodeHasAGolden() {
    for source in SourceText.all {
      for code in source.codes where !Self.goldens.contains("[\(code)]\n") {
        Issue.record("\(source.name): no golden for [\(code)]")
      }
    }
  }

  @Test func everyMessageHasAGolden() {
    var count = 0
    for source in SourceText.all {
      for message in source.messages where !Self.unreached.contains(message.parts[0]) {
        count += 1
        if !Self.messages.contains(where: { message.matches($0) }) {
          Issue.record(
            "\(source.name): no golden for the message \(message.parts.joined(separator: "…"))")
        }
      }
    }
    #expect(count > 80)
  }

  /// A diagnostic without a place would be drawn without its line.
  @Test func everyGoldenShowsItsPlace() {
    let lines = Self.goldens.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated()
    where line.hasPrefix("error: ") || line.hasPrefix("warning: ") {
      #expect(
        lines[index...].prefix(4).contains { $0.drop { $0 == " " || $0 == "|" }.hasPrefix("^") },
        "no place: \(line)")
    }
  }

  @Test func theScannerFindsWhatItShould() {
    let source = SourceText(
      name: "Sources/Some/A.swift",
      text: """
        struct NotThere: Failure, Equatable { var message: String { "x" } }
        enum Trouble: Failure {
          case first(String)
          case secondOne(a: Int)
          var message: String { "" }
        }
        struct Named: Failure { let identifier = "own.name" }
        throw Diagnostic(
          code: "bind.x", isIt ? "no \\(a ? "b" : "c") here" : "there \\(n)", at: span, label: "l")
        report("syntax.y", "just text", at: span)
        throw $data.failure(
          "\\(name) has no rows", help: "h")
        """)
    #expect(
      source.failures.map(\.identifier) == [
        "some.not-there", "some.first", "some.second-one", "own.name",
      ])
    #expect(source.codes == ["bind.x", "syntax.y"])
    #expect(
      source.messages.map(\.parts) == [
        ["no ", " here"], ["there ", ""], ["just text"], ["", " has no rows"],
      ])
    #expect(source.messages[0].matches("no b here") && !source.messages[0].matches("no b there"))
  }
}

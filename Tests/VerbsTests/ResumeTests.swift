import FoundationEssentials
import Glibc
import JSON
import TestSupport
import Testing

/// The program, killed at random moments and started again.
@Suite(.serialized, .enabled(if: OlvProgram.path != nil, "the program is built with the tests"))
struct ResumeTests {
  /// What must not differ between a run in one go and one in pieces.
  static func numbers(_ reports: [JSON]) -> [JSON] {
    reports.map { report in
      guard case .object(var object) = report else { return report }
      for key in ["seconds", "tokens_per_second", "cached", "cached_seconds", "notes"] {
        object[key] = nil
      }
      return .object(object)
    }
  }

  /// Runs a script until it ends by itself, killing it after a random time before.
  ///
  /// - Returns: What the last run reported, how many were killed, and whether the last of those had kept something.
  static func inPieces(_ script: String, longest: Double, in folder: String) throws -> (
    reports: [JSON], killed: Int, wasKept: Bool
  ) {
    var killed = 0
    var wasKept = false
    var random = SystemRandomNumberGenerator()
    for round in 1...24 {
      // Later rounds get longer, so that an unlucky machine comes to an end too.
      let time = Double.random(in: 0.4...0.9, using: &random) * longest * Double(1 + round / 6)
      let command =
        "timeout -s KILL \(time) env \(OlvProgram.command(in: folder)) \(OlvProgram.line(script))"
        + " > \(folder)/out 2> \(folder)/err"
      let status = (system(command) >> 8) & 0xFF
      if status == 0 {
        let text = try String(contentsOfFile: "\(folder)/out", encoding: .utf8)
        return (try text.split(separator: "\n").map { try JSON.parse(String($0)) }, killed, wasKept)
      }
      try #require(status == 137 || status == 124, "status \(status)")
      killed += 1
      wasKept =
        system(
          "grep -rqsE --include=entry '\"kind\": *\"unfinished\"' \(folder)/cache") == 0
    }
    Issue.record("it never came to an end")
    return ([], killed, wasKept)
  }

  @Test(arguments: [
    ("load phi; finetune tiny-codes steps=60 batch=1 length=48 rank=4 log=20 eval=no", "went on"),
    ("load phi; quantize gptq samples=24 length=96", "taken over"),
    ("load phi; quantize awq samples=8 length=64", "taken over"),
  ])
  func aKilledStageGoesOn(_ script: String, _ note: String) throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let start = ContinuousClock.now
    let whole = try #require(
      try OlvProgram.run(["--no-cache \(OlvProgram.line(script))"], in: folder).first)
    #expect(whole.status == 0, "\(whole.errors)")
    let seconds = start.duration(to: .now) / .seconds(1)
    let pieces = try Self.inPieces(script, longest: seconds, in: folder)
    #expect(Self.numbers(pieces.reports) == Self.numbers(whole.reports))
    let notes = pieces.reports.flatMap { $0["notes"]?.arrayValue ?? [] }
    let wentOn = notes.contains { $0.stringValue?.contains(note) == true }
    // Killed right behind its end, it comes from the cache as a whole.
    let isWhole = pieces.reports.last?["cached"]?.boolValue == true
    #expect(wentOn || isWhole || !pieces.wasKept, "killed \(pieces.killed) times")
    #expect(!wentOn || pieces.wasKept)
  }
}

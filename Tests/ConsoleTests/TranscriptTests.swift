import FoundationEssentials
import Session
import TestSupport
import Testing

@testable import Transcripts

@Suite struct TranscriptTests {
  /// Every transcript that needs no engine.
  @Test(arguments: ["language"]) func replays(_ name: String) throws {
    let transcript = try Transcript(path: "\(Shared.root)/Tests/Transcripts/\(name).olvt")
    #expect(!transcript.steps.isEmpty)
    let failures = transcript.replay(host: NoEngine(), standardLibrary: "/nonexistent")
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n\n"))")
  }

  @Test func ellipsesMatchAnything() {
    #expect(Transcript.matches(["a…c", "…", "z"], ["abc", "1", "2", "z"]))
    #expect(Transcript.matches(["…"], []))
    #expect(Transcript.matches(["x … y … z"], ["x 1 y 2 z"]))
    #expect(!Transcript.matches(["a…c"], ["abd"]))
    #expect(!Transcript.matches(["a", "…", "z"], ["a", "b"]))
    #expect(!Transcript.matches([], ["more"]))
  }

  @Test func aDifferenceIsDescribed() {
    let transcript = Transcript("olv> print 1\n2")
    #expect(
      transcript.replay(host: NoEngine(), standardLibrary: "/nonexistent") == [
        "line 1: `print 1` shows\n1"
      ])
  }
}

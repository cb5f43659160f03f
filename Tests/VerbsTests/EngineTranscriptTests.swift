import FoundationEssentials
import TestSupport
import Testing
import Transcripts
import Verbs

/// Pasted sessions with the real engine.
@Suite(.serialized) struct EngineTranscriptTests {
  @Test(arguments: ["demo", "design"]) func replays(_ name: String) throws {
    #expect(FileManager.default.changeCurrentDirectoryPath(Shared.root))
    let transcript = try Transcript(path: "\(Shared.root)/Tests/Transcripts/\(name).olvt")
    #expect(!transcript.steps.isEmpty)
    let failures = transcript.replay(
      host: Engine(environment: ["HF_HOME": "/nonexistent"]),
      standardLibrary: "\(Shared.root)/stdlib")
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n\n"))")
  }
}

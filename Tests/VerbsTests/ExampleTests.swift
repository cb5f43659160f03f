import FoundationEssentials
import Session
import TestSupport
import Testing

/// Every example in a verb's help runs as it stands.
@Suite(.serialized)
struct ExampleTests {
  static let examples: [(verb: String, script: String)] = VerbRegistry(VerbRegistry.linked()).all
    .flatMap { declaration in
      declaration.examples.map { example in
        (
          declaration.name,
          [example.setup, example.script].filter { !$0.isEmpty }.joined(separator: "; ")
        )
      }
    }

  @Test func thereAreExamplesForEveryVerb() {
    for declaration in VerbRegistry(VerbRegistry.linked()).all {
      #expect(!declaration.examples.isEmpty, "\(declaration.name) has no example")
    }
  }

  @Test(arguments: examples.map(\.script))
  func runs(_ script: String) throws {
    // Examples name paths from the package's root.
    #expect(FileManager.default.changeCurrentDirectoryPath(Shared.root))
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    try Workbench(environment: ["HF_HOME": "/nonexistent", "OLV_CACHE": folder]).run(script)
  }
}

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

  /// The standard library with a demo pack of few rows, short sequences and small batches: examples that leave these to the
  /// pack need not take minutes here.
  final class SmallLibrary {
    let folder: String

    init() throws {
      folder = try Shared.temporaryFolder()
      let whole = "\(Shared.root)/stdlib"
      for name in try FileManager.default.contentsOfDirectory(atPath: whole) where name != "demo" {
        try Shared.link("\(folder)/\(name)", to: "\(whole)/\(name)")
      }
      try Shared.makeFolder("\(folder)/demo")
      for name in try FileManager.default.contentsOfDirectory(atPath: "\(whole)/demo")
      where name != "demo.olv" {
        try Shared.link("\(folder)/demo/\(name)", to: "\(whole)/demo/\(name)")
      }
      var pack = try String(contentsOfFile: "\(whole)/demo/demo.olv", encoding: .utf8)
      let sizes = [
        ("\":4096\"", "\":256\""), ("4096:4224", "4096:4102"), ("5000:6000", "5000:5030"),
        ("batch=4 length=192", "batch=1 length=64"), ("quantize length=256", "quantize length=64"),
      ]
      for (whole, small) in sizes {
        try #require(pack.contains(whole))
        pack = pack.replacing(whole, with: small)
      }
      try Shared.write(pack, to: "\(folder)/demo/demo.olv")
    }

    deinit { Shared.remove(folder) }
  }

  @Test(arguments: examples.map(\.script))
  func runs(_ script: String) throws {
    // Examples name paths from the package's root.
    #expect(FileManager.default.changeCurrentDirectoryPath(Shared.root))
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let library = try SmallLibrary()
    try Workbench(
      environment: ["HF_HOME": "/nonexistent", "OLV_CACHE": folder],
      standardLibrary: library.folder
    ).run(script)
  }
}

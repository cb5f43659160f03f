import FoundationEssentials
import TestSupport
import Testing

/// What the program says about its command line and the files it names: `Tests/Fixtures/Diagnostics/command-line.txt`.
@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"))
struct CommandLineGoldenTests {
  static let files = [
    "plain.olv": "print $args", "two.olv": "print (\nhelp bts=3\n",
    "main.olv": "## Trains.\ndef main(data, steps: int = 100) { print $data $steps }",
    "loop.olv": "use loop.olv", "use-loop.olv": "use loop.olv",
    "runs.olv": "print 1", "use-runs.olv": "use runs.olv",
    "broken.olv": "x = = 3\nppl |", "use-broken.olv": "use broken.olv",
    "circle.olv": "a = $b\nb = $a", "cycle.olv": "use circle.olv\nprint $a",
  ]

  @Test func goldens() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    for (name, text) in Self.files { try Shared.write(text, to: "\(folder)/\(name)") }
    try Data([0x70, 0x72, 0x69, 0x6E, 0x74, 0x20, 0xFF, 0x0A]).write(
      to: URL(filePath: "\(folder)/encoding.olv"))
    try Shared.makeFolder("\(folder)/folder.olv")
    let goldens = Goldens("command-line")
    #expect(goldens.cases.count > 20)
    let differences = try goldens.differences { line in
      let words = line.split(separator: " ").dropFirst().map(String.init)
      let text = try Program(words, folder: folder)
      let json = try Program(words + ["--json"], folder: folder)
      #expect(text.status == 2, "\(line)")
      let codes = json.out.split(separator: "\n").compactMap {
        $0.firstMatch(of: /"(?:error|warning)":"([^"]*)"/).map { "[\($0.1)]" }
      }
      return (codes + [text.err]).joined(separator: "\n")
    }
    for difference in differences { Issue.record("\(difference)") }
  }
}

import FoundationEssentials
import Glibc

/// What programs say, kept as plain text in `Tests/Fixtures/Diagnostics`: a case begins with `>>> `, its further lines
/// with `... `; what it gives stands below.
///
/// With `OLV_WRITE_GOLDENS=1` the tests write the files instead of comparing; the difference is then read by a person.
public struct Goldens: Sendable {
  public struct Case: Sendable {
    public var input: String
    public var expected: String
  }

  public let path: String
  /// What stands above the first case.
  public private(set) var head = ""
  public private(set) var cases: [Case] = []

  public static let folder = "\(Shared.fixtures)/Diagnostics"

  /// - Parameters:
  ///   - name: The file's, without its folder and `.txt`.
  ///   - inputs: The cases that there must be, where the file alone does not say.
  public init(_ name: String, inputs: [String] = []) {
    path = "\(Self.folder)/\(name).txt"
    let text = FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self)
    }
    for line in (text ?? "").split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(">>> ") {
        cases.append(Case(input: String(line.dropFirst(4)), expected: ""))
      } else if let last = cases.indices.last {
        if line.hasPrefix("... "), cases[last].expected.isEmpty {
          cases[last].input += "\n" + line.dropFirst(4)
        } else {
          cases[last].expected += line + "\n"
        }
      } else {
        head += line + "\n"
      }
    }
    for input in inputs where !cases.contains(where: { $0.input == input }) {
      cases.append(Case(input: input, expected: ""))
    }
    for index in cases.indices { cases[index].expected = Self.trimmed(cases[index].expected) }
  }

  /// Compares every case with what it gives now.
  ///
  /// - Parameter given: What an input gives.
  /// - Returns: The cases that differ, as text.
  public func differences(_ given: (String) throws -> String) rethrows -> [String] {
    var different: [String] = []
    var text = head
    for golden in cases {
      let found = Self.trimmed(try given(golden.input))
      if found != golden.expected { different.append(">>> \(golden.input)\n\(found)") }
      let lines = golden.input.split(separator: "\n", omittingEmptySubsequences: false)
      text += ">>> " + lines.joined(separator: "\n... ") + "\n\(found)\n\n"
    }
    guard getenv("OLV_WRITE_GOLDENS") == nil else {
      try? Data((Self.trimmed(text) + "\n").utf8).write(to: URL(filePath: path))
      return []
    }
    return different
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }
}

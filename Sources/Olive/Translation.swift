import Language

/// An olv script that does what a command or a workflow of Olive asks for.
public struct Translation: Sendable {
  public struct Statement: Sendable {
    public var text: String
    /// What it comes from.
    public var origin: Span
  }

  public internal(set) var statements: [Statement] = []
  /// What has no counterpart, or another meaning here.
  public internal(set) var notes: [Diagnostic] = []

  /// The script, with a line of comment for each note.
  public var script: String {
    (notes.map { "# \($0.message)" } + statements.map(\.text)).joined(separator: "\n") + "\n"
  }

  /// The script to run; findings about it are told by `located`.
  public func source(named name: String) -> Source { Source(name: name, text: script) }

  /// A finding about the script, with the place in the command or the file that its line comes from.
  public func located(_ diagnostic: Diagnostic) -> Diagnostic {
    guard let line = diagnostic.line, statements.indices.contains(line - 1 - notes.count) else {
      return diagnostic
    }
    let origin = statements[line - 1 - notes.count].origin
    var result = diagnostic
    result.notes.append(
      "from \(origin.source.name), line \(origin.line), column \(origin.column)")
    return result
  }

  mutating func add(_ text: String, from origin: Span) {
    statements.append(Statement(text: text, origin: origin))
  }
}

/// Parts of statements.
enum Script {
  /// A value as a word where it is one, else quoted.
  static func word(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_-./".unicodeScalars.contains($0)
      }
      && text.unicodeScalars.first.map { $0.properties.isAlphabetic || $0 == "." || $0 == "/" }
        == true
      && !["def", "each", "in"].contains(text)
    return isPlain ? text : quoted(text)
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\"", "\\", "$": result += "\\" + String(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  static func list(_ words: [String]) -> String {
    "[" + words.map(word).joined(separator: " ") + "]"
  }
}

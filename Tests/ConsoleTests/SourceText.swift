import FoundationEssentials
import TestSupport

/// A Swift file as text, searched for what it can complain about.
struct SourceText {
  /// A message with what is filled in left out.
  struct Message {
    var parts: [String]

    func matches(_ text: Substring) -> Bool {
      guard let head = parts.first, let tail = parts.last else { return false }
      guard parts.count > 1 else { return text == head }
      guard text.hasPrefix(head) else { return false }
      var rest = text.dropFirst(head.count)
      for part in parts.dropFirst().dropLast() where !part.isEmpty {
        guard let range = rest.firstRange(of: part) else { return false }
        rest = rest[range.upperBound...]
      }
      return rest.hasSuffix(tail)
    }
  }

  struct FailureCase {
    var file: String
    var type: String
    var identifier: String
  }

  var name: String
  /// Without its comments.
  var text: String

  init(name: String, text: String) {
    self.name = name
    self.text = text.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
  }

  /// All files of `Sources`.
  static let all: [SourceText] = {
    let root = "\(Shared.root)/Sources"
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
    return names.filter { $0.hasSuffix(".swift") }.sorted().compactMap { name in
      FileManager.default.contents(atPath: "\(root)/\(name)").map {
        SourceText(name: "Sources/\(name)", text: String(decoding: $0, as: UTF8.self))
      }
    }
  }()

  private var module: String {
    name.split(separator: "/").dropFirst().first.map { $0.lowercased() } ?? ""
  }

  // MARK: Failures

  var failures: [FailureCase] {
    var result: [FailureCase] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard line.contains("Failure"),
        let match = line.firstMatch(of: /\b(struct|enum|class) (\w+): [^{]*\bFailure\b/),
        !line.contains("protocol")
      else { continue }
      let type = String(match.2)
      let body = lines[index...].prefix { $0 == line || !$0.hasPrefix("}") }
      let own = body.lazy.compactMap { $0.firstMatch(of: /identifier(: String \{| =) "([^"]+)"/) }
      if let own = own.first {
        result.append(FailureCase(file: name, type: type, identifier: String(own.2)))
      } else if match.1 == "enum" {
        if body.contains(where: { $0.firstMatch(of: /^  case \w+(,|$)/) != nil }) {
          result.append(
            FailureCase(file: name, type: type, identifier: "\(module).\(hyphenated(match.2))"))
        }
        for case let found? in body.map({ $0.firstMatch(of: /^  case (\w+)\(/) }) {
          result.append(
            FailureCase(file: name, type: type, identifier: "\(module).\(hyphenated(found.1))"))
        }
      } else {
        result.append(
          FailureCase(file: name, type: type, identifier: "\(module).\(hyphenated(match.2))"))
      }
    }
    return result
  }

  private func hyphenated(_ name: Substring) -> String {
    var result = ""
    var wasUpper = true
    for character in name {
      if character.isUppercase, !wasUpper { result += "-" }
      wasUpper = character.isUppercase
      result += character.lowercased()
    }
    return result
  }

  // MARK: Codes and messages

  /// What stands where a diagnostic's code does.
  private static let openings = [
    "Diagnostic", "report", "fail", ".failure", "ArgumentFailure", "warn",
  ]

  /// The string literals of every call that makes a diagnostic, up to the label of the next argument.
  private var calls: [(code: String?, messages: [Message])] {
    var result: [(code: String?, messages: [Message])] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "(") {
      let before = text[..<open]
      rest = rest[rest.index(after: open)...]
      guard let name = Self.openings.first(where: { before.hasSuffix($0) }) else { continue }
      let outside = before.dropLast(name.count)
      let isMember = outside.last.map { $0.isLetter || $0 == "." } ?? false
      let isKnown = ["parser.", "interpreter.", "context."].contains { outside.hasSuffix($0) }
      if outside.hasSuffix("func ") || name.first != "." && isMember && !isKnown { continue }
      var arguments = Arguments(rest)
      var literals = arguments.literals
      if let first = literals.first, first.parts.count > 1, first.parts[0].hasSuffix("."),
        !first.parts[0].contains(" ")
      {
        // A code that is made of parts; its cases are found by their messages.
        literals.removeFirst()
      }
      let code = literals.first.flatMap { literal -> String? in
        guard literal.parts.count == 1, let text = literal.parts.first,
          text.wholeMatch(of: /[a-z]+\.[a-z.-]+/) != nil
        else { return nil }
        return text
      }
      if code != nil { literals.removeFirst() }
      result.append((code, literals))
    }
    return result
  }

  var codes: [String] { calls.compactMap(\.code) }
  var messages: [Message] { calls.flatMap(\.messages) }
}

/// The beginning of a call's arguments: the literals before the second label.
private struct Arguments {
  private var text: Substring

  init(_ text: Substring) { self.text = text }

  private static let labels = ["at:", "label:", "help:", "notes:", "about:", "start", "span("]

  var literals: [SourceText.Message] {
    mutating get {
      var result: [SourceText.Message] = []
      var depth = 0
      while let character = text.first {
        if character == "\"" {
          let found = literal()
          // What stands inside of brackets is a part of something.
          if depth == 0 { result.append(found) }
          if text.hasPrefix(" +")
            || text.hasPrefix("\n") && text.drop(while: \.isWhitespace).hasPrefix("+"), depth == 0
          {
            result[result.count - 1].parts.append("")
            skipOperand()
          }
          continue
        }
        if "([{".contains(character) { depth += 1 }
        if ")]}".contains(character) { depth -= 1 }
        if depth < 0 || Self.labels.contains(where: { text.hasPrefix($0) }) { return result }
        if text.hasPrefix("parameter:") {
          // Names the parameter, not what is wrong with it.
          text = text.drop { $0 != "," }
          continue
        }
        text.removeFirst()
      }
      return result
    }
  }

  /// Skips what is added to a literal.
  private mutating func skipOperand() {
    var depth = 0
    while let character = text.first {
      if character == "\"" {
        _ = literal()
        continue
      }
      if "([{".contains(character) { depth += 1 }
      if ")]}".contains(character) { depth -= 1 }
      if depth < 0 || depth == 0 && character == "," { return }
      text.removeFirst()
    }
  }

  private mutating func literal() -> SourceText.Message {
    var parts = [""]
    text.removeFirst()
    while let character = text.popFirst() {
      if character == "\"" { break }
      guard character == "\\", let next = text.popFirst() else {
        parts[parts.count - 1].append(character)
        continue
      }
      guard next == "(" else {
        parts[parts.count - 1].append(next)
        continue
      }
      var depth = 1
      while depth > 0, let inner = text.first {
        if inner == "\"" {
          _ = literal()
          continue
        }
        if inner == "(" { depth += 1 }
        if inner == ")" { depth -= 1 }
        text.removeFirst()
      }
      parts.append("")
    }
    return SourceText.Message(parts: parts)
  }
}

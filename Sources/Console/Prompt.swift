import Language
import Runtime
import Session

/// The read-eval-print loop.
struct Prompt {
  let session: Session
  let screen: Screen
  let editor: LineEditor

  /// Reads and runs inputs until the end of input or `exit`.
  func run() {
    var number = 1
    while let input = readInput(number) {
      let text = Self.translated(input)
      if ["exit", "quit"].contains(text) { return }
      if text.allSatisfy(\.isWhitespace) { continue }
      editor.remember(input)
      screen.begin(input: number)
      do {
        try session.run(Source(name: "In [\(number)]", text: text), number: number)
      } catch let error as ScriptError {
        screen.show(error.diagnostics)
      } catch {
        screen.show([Diagnostic(error, at: nil)])
      }
      screen.finish()
      Interrupt.clear()
      number += 1
    }
  }

  /// One input: as many lines as the parser needs. Nil at the end.
  private func readInput(_ number: Int) -> String? {
    let first = "In [\(number)]: "
    let more = String(repeating: " ", count: max(0, first.count - 5)) + "...: "
    var lines: [String] = []
    while true {
      switch editor.read(prompt: lines.isEmpty ? first : more) {
      case .end: return lines.isEmpty ? nil : lines.joined(separator: "\n")
      case .interrupted:
        Interrupt.clear()
        Terminal.output.write("\n")
        lines = []
      case .text(let line):
        lines.append(line)
        let text = lines.joined(separator: "\n")
        let source = Source(name: "", text: Self.translated(text))
        if !parse(source).isIncomplete { return text }
      }
    }
  }

  /// `? ppl` and `ppl?` ask for help.
  static func translated(_ input: String) -> String {
    let text = input.trimmed
    if text.hasPrefix("?") { return "help " + String(text.dropFirst()).trimmed }
    if text.hasSuffix("?"), text.dropLast().allSatisfy({ !$0.isWhitespace && $0 != "\"" }) {
      return "help " + text.dropLast()
    }
    return input.trimmed
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text = text.dropFirst() }
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}

import Language
import Runtime
import Session

/// The read-eval-print loop.
final class Prompt {
  private let session: Session
  private let screen: Screen
  private var editor: LineEditor?
  /// The lines of the input before the one that is edited.
  private var lines: [String] = []

  init(session: Session, screen: Screen, history: HistoryFile?) {
    self.session = session
    self.screen = screen
    editor = LineEditor(history: history) { [unowned self] editor, line, cursor in
      complete(editor, line, cursor)
    }
  }

  /// Reads and runs inputs until the end of input or `exit`.
  func run() {
    var number = 1
    while let input = readInput(number) {
      let text = input.trimmed
      if ["exit", "quit"].contains(text) { return }
      if text.isEmpty { continue }
      editor?.remember(input)
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
    let ink = Ink(isOn: screen.style.hasColor)
    let first = "In [\(number)]: "
    let more = String(repeating: " ", count: max(0, first.count - 5)) + "...: "
    lines = []
    while let editor {
      let prompt =
        lines.isEmpty
        ? PromptText(plain: first, ink: ink.green) : PromptText(plain: more, ink: ink.dim)
      switch editor.read(prompt) {
      case .end: return lines.isEmpty ? nil : lines.joined(separator: "\n")
      case .interrupted:
        Interrupt.clear()
        Terminal.output.write("\n")
        lines = []
      case .text(let line):
        lines.append(line)
        let text = lines.joined(separator: "\n")
        if !parse(Source(name: "", text: text)).isIncomplete { return text }
      }
    }
    return nil
  }

  /// The completion key: goes on as far as all candidates agree, or else lists them.
  private func complete(
    _ editor: LineEditor, _ line: String, _ cursor: Int
  ) -> LineEditor.CompletionResult {
    let before = lines.map { $0 + "\n" }.joined()
    let completion = session.completion(of: before + line, at: before.utf8.count + cursor)
    let typed = String(
      decoding: Array((before + line).utf8)[
        completion.range.clamped(to: 0..<(before + line).utf8.count)],
      as: UTF8.self)
    if let only = completion.candidates.first, completion.candidates.count == 1 {
      editor.replace(typed.count, with: only.text + only.ending)
      return .changed
    }
    let common = completion.common
    if common.count > typed.count
      || !common.isEmpty && !common.hasPrefix(typed)
        && common.lowercased().hasPrefix(typed.lowercased())
    {
      editor.replace(typed.count, with: common)
      return .changed
    }
    let list = CompletionList(
      width: Terminal.output.width, height: Terminal.output.height,
      ink: Ink(isOn: screen.style.hasColor)
    ).lines(completion)
    guard !list.isEmpty else { return .nothing }
    Terminal.output.write("\r\n\u{1B}[J" + list.joined(separator: "\r\n") + "\r\n")
    return .listed
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

import CEdit
import Glibc
import Runtime

/// Where a prompt's lines come from: an editor with history on a terminal, plain lines elsewhere.
final class LineEditor {
  enum Line: Equatable {
    case text(String)
    case interrupted
    case end
  }

  private let editor: OpaquePointer?

  /// - Parameter history: The file that keeps what was typed, or nil.
  init(history: String?) {
    editor = isatty(0) == 1 ? olv_editor_open(history, 2000) : nil
  }

  deinit {
    if let editor { olv_editor_close(editor) }
  }

  /// Reads a line without its line end.
  func read(prompt: String) -> Line {
    guard let editor else {
      guard let line = readLine() else { return Interrupt.isPending ? .interrupted : .end }
      return .text(line)
    }
    var length: Int32 = 0
    var interrupted: Int32 = 0
    guard let text = olv_editor_read(editor, prompt, &length, &interrupted) else {
      return interrupted != 0 || Interrupt.isPending ? .interrupted : .end
    }
    let bytes = UnsafeRawBufferPointer(start: text, count: Int(length))
    var line = String(decoding: bytes, as: UTF8.self)
    while line.last?.isNewline == true { line.removeLast() }
    return .text(line)
  }

  func remember(_ entry: String) {
    if let editor { olv_editor_remember(editor, entry) }
  }

  /// `$XDG_STATE_HOME/olv/history`; the folder is made. Nil where there is no home.
  static func historyPath() -> String? {
    let state =
      Terminal.environment("XDG_STATE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? Terminal.environment("HOME").map { $0 + "/.local/state" }
    guard let state else { return nil }
    var path = ""
    for part in (state + "/olv").split(separator: "/") {
      path += "/" + part
      if mkdir(path, 0o700) != 0, errno != EEXIST { return nil }
    }
    return path + "/history"
  }
}

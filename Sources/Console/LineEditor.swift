import CEdit
import Glibc
import Runtime

/// Where a prompt's lines come from: an editor with history and completion on a terminal, plain lines elsewhere.
final class LineEditor {
  enum Line: Equatable {
    /// May hold line ends where it was pasted or recalled.
    case text(String)
    case interrupted
    case end
  }

  enum CompletionResult { case nothing, changed, listed }

  /// Changes the line through `replace`, or lists what fits. Gets the line and the cursor in it, in bytes.
  typealias Completing = (_ editor: LineEditor, _ line: String, _ cursor: Int) -> CompletionResult

  private var editor: OpaquePointer?
  private let history: HistoryFile?
  private let completing: Completing
  private var last: String?
  /// Whether a prompt is shown though lines are plain: on terminals that cannot move their cursor.
  private let promptsPlainly: Bool

  init(history: HistoryFile?, completing: @escaping Completing) {
    self.history = history
    self.completing = completing
    let isEditable = isatty(0) == 1 && Terminal.output.canRedraw
    promptsPlainly = isatty(0) == 1 && !isEditable
    guard isEditable else { return }
    let limit = history?.limit ?? 1000
    editor = olv_editor_open(
      Int32(limit),
      { context, line, length, cursor in
        guard let context, let line else { return Int32(OLV_NOTHING) }
        let bytes = UnsafeRawBufferPointer(start: line, count: Int(length))
        let owner = Unmanaged<LineEditor>.fromOpaque(context).takeUnretainedValue()
        switch owner.completing(owner, String(decoding: bytes, as: UTF8.self), Int(cursor)) {
        case .nothing: return Int32(OLV_NOTHING)
        case .changed: return Int32(OLV_CHANGED)
        case .listed: return Int32(OLV_LISTED)
        }
      }, Unmanaged.passUnretained(self).toOpaque())
    guard let editor else { return }
    for entry in history?.load() ?? [] { olv_editor_remember(editor, entry) }
  }

  deinit {
    if let editor { olv_editor_close(editor) }
  }

  /// Reads a line without its line end.
  func read(_ prompt: PromptText) -> Line {
    guard let editor else {
      if promptsPlainly { Terminal.output.write(prompt.plain) }
      guard let line = readLine() else { return Interrupt.isPending ? .interrupted : .end }
      return .text(line)
    }
    var length: Int32 = 0
    var interrupted: Int32 = 0
    let text = prompt.edited.withCString { shown in
      olv_editor_read(editor, shown, Int32(prompt.plain.count), &length, &interrupted).map { text in
        String(
          decoding: UnsafeRawBufferPointer(start: text, count: Int(length)), as: UTF8.self)
      }
    }
    guard var line = text else {
      return interrupted != 0 || Interrupt.isPending ? .interrupted : .end
    }
    while line.last?.isNewline == true { line.removeLast() }
    return .text(line)
  }

  /// Puts a text in the place of so many characters before the cursor, while a completion is asked for.
  func replace(_ count: Int, with text: String) {
    if let editor { olv_editor_replace(editor, Int32(count), text) }
  }

  /// Keeps an input for later; the same one twice in a row counts once.
  func remember(_ entry: String) {
    guard entry != last else { return }
    last = entry
    if let editor { olv_editor_remember(editor, entry) }
    history?.append(entry)
  }
}

/// A prompt as libedit takes it and as it looks.
struct PromptText {
  var plain: String
  var ink: (String) -> String

  /// Escape sequences stand between bytes of value 1.
  var edited: String {
    let parts = ink("\u{2}").split(separator: "\u{2}", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { return plain }
    return "\u{1}\(parts[0])\u{1}\(plain)\u{1}\(parts[1])\u{1}"
  }
}

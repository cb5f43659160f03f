import Glibc
import PseudoTerminal
import TestSupport
import Testing

/// The built program on a terminal, as a person at a keyboard has it.
///
/// Waits for what is to be shown and never for a time: the machine may be slow.
final class TerminalSession {
  private let terminal: Int32
  let process: pid_t
  private var status: Int32?
  private(set) var screen: TerminalScreen
  /// All bytes as they came.
  private(set) var raw: [UInt8] = []

  /// How long to wait for what should come: only a program that hangs takes so long.
  static let patience = 60.0

  struct NotShown: Error, CustomStringConvertible {
    var wanted: String
    var shown: String
    var description: String { "waited for \(wanted); the screen shows\n\(shown)" }
  }

  /// - Parameters:
  ///   - home: Holds the history and .editrc.
  ///   - environment: Comes on top of what a plain terminal has; empty values take a variable away.
  init(
    _ words: [String] = [], home: String, environment: [String: String] = [:], rows: Int = 40,
    columns: Int = 100
  ) throws {
    let path = try #require(BuiltProgram.path)
    var variables = [
      "HOME": home, "XDG_STATE_HOME": "\(home)/state", "TERM": "xterm", "LANG": "C.UTF-8",
      "PATH": "/usr/bin:/bin", "HF_HOME": "/nonexistent",
    ]
    // What the machine's linker and engine were told.
    for name in ["LD_LIBRARY_PATH", "OPENBLAS_CORETYPE"] {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    variables.merge(environment) { $1 }
    let arguments = ([path] + words).map { strdup($0) } + [nil]
    let settings =
      variables.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
      .map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + settings { free(text) } }
    var process: pid_t = 0
    terminal = olv_pty_start(path, arguments, settings, Int32(rows), Int32(columns), &process)
    self.process = process
    screen = TerminalScreen(columns: columns)
    try #require(terminal >= 0)
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    close(terminal)
  }

  /// Types.
  func type(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  func resize(rows: Int = 40, columns: Int) {
    screen.resize(columns: columns)
    _ = olv_pty_resize(terminal, Int32(rows), Int32(columns))
  }

  /// Waits until the screen is as wanted.
  func wait(for what: String, _ isThere: (TerminalScreen) -> Bool) throws {
    let end = Self.now + Self.patience
    while !isThere(screen) {
      guard Self.now < end, read(until: end) else {
        // What came together with the end counts.
        if isThere(screen) { return }
        throw NotShown(wanted: what, shown: screen.lines.joined(separator: "\n"))
      }
    }
  }

  /// Waits until a line holds the text, or some lines do where it is given more than once.
  func wait(for text: String, times: Int = 1) throws {
    try wait(for: "`\(text)`") { screen in
      screen.lines.count { $0.contains(text) } >= times
    }
  }

  /// Waits until the cursor stands behind the text.
  func waitForCursor(behind text: String) throws {
    try wait(for: "the cursor behind `\(text)`") { $0.cursorLine == text }
  }

  /// Waits for an empty prompt.
  func waitForPrompt(_ number: Int) throws { try waitForCursor(behind: "In [\(number)]: ") }

  /// Ctrl-C at the prompt, then a new one.
  func leave(_ number: Int) throws {
    let before = screen.lines.count
    type("\u{3}")
    try wait(for: "a new prompt") {
      $0.lines.count > before && $0.cursorLine == "In [\(number)]: "
    }
  }

  /// Waits for the program's end.
  ///
  /// - Returns: Its exit status; 128 and the signal's number where one ended it.
  func waitForEnd() throws -> Int32 {
    let end = Self.now + Self.patience
    while read(until: end) {
      if Self.now > end {
        throw NotShown(wanted: "the end", shown: screen.lines.joined(separator: "\n"))
      }
    }
    var status: Int32 = 0
    while waitpid(process, &status, WNOHANG) == 0 {
      guard Self.now < end else { throw NotShown(wanted: "the process's end", shown: "") }
      usleep(2000)
    }
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
    self.status = code
    return code
  }

  /// Takes in what comes next. False at the end.
  private func read(until end: Double) -> Bool {
    var input = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(max(min(end - Self.now, 1) * 1000, 1))
    let ready = poll(&input, 1, milliseconds)
    guard ready > 0 else { return true }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = buffer.withUnsafeMutableBytes { Glibc.read(terminal, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR || errno == EAGAIN { return true }
    guard count > 0 else { return false }
    raw += buffer[..<count]
    screen.write(buffer[..<count])
    return true
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

import Glibc

/// What a file descriptor leads to.
struct Terminal {
  let descriptor: Int32

  static let output = Terminal(descriptor: 1)
  static let errors = Terminal(descriptor: 2)

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Whether the cursor can be moved: lines may be redrawn.
  var canRedraw: Bool { isTerminal && Self.environment("TERM") != "dumb" }

  /// https://no-color.org, https://force-color.org
  var hasColor: Bool {
    if let value = Self.environment("NO_COLOR"), !value.isEmpty { return false }
    if let value = Self.environment("FORCE_COLOR"), !value.isEmpty { return value != "0" }
    return canRedraw
  }

  /// Columns as they are now, 20 at least; 100 where there is no terminal.
  var width: Int { size.map { max(Int($0.ws_col), 20) } ?? 100 }

  /// Rows as they are now; 24 where there is no terminal.
  var height: Int { size.map { max(Int($0.ws_row), 2) } ?? 24 }

  private var size: winsize? {
    var size = winsize()
    guard isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return size
  }

  /// Writes all of a text.
  ///
  /// - Returns: Whether it could be written.
  @discardableResult
  func write(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let base = rest.baseAddress, rest.count > 0 {
        let count = Glibc.write(descriptor, base, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return true
    }
  }

  static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

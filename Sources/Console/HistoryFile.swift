import Glibc

/// What was typed at prompts, kept between sessions: one entry a line, line ends and backslashes escaped.
///
/// Several sessions may write it at once. Only its owner can read it, and entries that hold an access token, or begin
/// with a blank, are not written.
struct HistoryFile {
  let path: String
  /// How many entries are read back.
  let limit: Int

  init(path: String, limit: Int = 2000) {
    self.path = path
    self.limit = limit
  }

  /// `$XDG_STATE_HOME/olv/history`, or below `~/.local/state`; the folder is made. Nil where there is no home.
  static func standard() -> HistoryFile? {
    let state =
      Terminal.environment("XDG_STATE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? Terminal.environment("HOME").map { $0 + "/.local/state" }
    guard let state else { return nil }
    var path = ""
    for part in (state + "/olv").split(separator: "/") {
      path += "/" + part
      if mkdir(path, 0o700) != 0, errno != EEXIST { return nil }
    }
    return HistoryFile(path: path + "/history")
  }

  /// The last entries, oldest first; none where the file cannot be read. A file that has grown long is cut.
  func load() -> [String] {
    guard let file = opened(O_RDWR) else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < 32 << 20 {
      let count = chunk.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let kept = lines.suffix(limit)
    if lines.count > 2 * limit {
      let rest = kept.joined(separator: [UInt8(ascii: "\n")]) + [UInt8(ascii: "\n")]
      if ftruncate(file, 0) == 0, lseek(file, 0, SEEK_SET) == 0 { write(Array(rest), to: file) }
    }
    return kept.map { Self.unescaped(String(decoding: $0, as: UTF8.self)) }
  }

  /// Adds an entry. What cannot be written is not kept; the session goes on.
  func append(_ entry: String) {
    guard Self.keeps(entry), let file = opened(O_WRONLY | O_APPEND | O_CREAT) else { return }
    write(Array((Self.escaped(entry) + "\n").utf8), to: file)
    close(file)
  }

  static func keeps(_ entry: String) -> Bool {
    guard let first = entry.first, !first.isWhitespace else { return false }
    // Access tokens of hubs; an assignment to something called so.
    for mark in ["hf_", "github_pat_", "sk-"] {
      var rest = entry[...]
      while let place = rest.firstRange(of: mark) {
        let tail = rest[place.upperBound...]
        if tail.prefix(while: { $0.isLetter || $0.isNumber || $0 == "_" }).count >= 16 {
          return false
        }
        rest = tail
      }
    }
    let lower = entry.lowercased()
    return !["token=", "password=", "secret=", "login "].contains { lower.contains($0) }
  }

  static func escaped(_ entry: String) -> String {
    entry.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  static func unescaped(_ line: String) -> String {
    var result = ""
    var isEscape = false
    for character in line {
      if isEscape {
        result.append(character == "n" ? "\n" : character)
        isEscape = false
      } else if character == "\\" {
        isEscape = true
      } else {
        result.append(character)
      }
    }
    return result
  }

  /// Opened and locked: no other session reads or writes it meanwhile.
  private func opened(_ flags: Int32) -> Int32? {
    let file = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return nil }
    while flock(file, LOCK_EX) != 0 {
      guard errno == EINTR else {
        close(file)
        return nil
      }
    }
    return file
  }

  private func write(_ bytes: [UInt8], to file: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

import Glibc
import Language

/// Files and folders that go on from a beginning.
struct PathCompletion {
  private(set) var candidates: [Completion.Candidate] = []

  /// - Parameters:
  ///   - prefix: What is typed; `~/` is the home folder.
  ///   - isQuoted: Whether it stands in quotes; if not, names that are no bare words get some.
  init(_ prefix: String, isQuoted: Bool, onlyFolders: Bool) {
    let cut = prefix.lastIndex(of: "/").map { prefix.index(after: $0) } ?? prefix.startIndex
    let (shown, start) = (String(prefix[..<cut]), String(prefix[cut...]))
    guard let directory = opendir(Self.opened(shown)) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(start), name != ".", name != "..",
        start.hasPrefix(".") || !name.hasPrefix("."), !name.contains("\u{FFFD}")
      else { continue }
      let path = shown + name
      let isFolder = Self.isFolder(Self.opened(path))
      if onlyFolders, !isFolder { continue }
      // In quotes these would mean something else.
      guard !name.contains(where: { "\"\\$\n".contains($0) }) else { continue }
      let text = isQuoted || path.isBareWord ? path : "\"\(path)"
      let closing = isQuoted || text != path ? "\" " : " "
      candidates.append(
        Completion.Candidate(
          text, isFolder ? "a folder" : "a file", ending: isFolder ? "/" : closing))
    }
    candidates.sort { $0.text < $1.text }
  }

  /// As the process can open it.
  private static func opened(_ path: String) -> String {
    if path.isEmpty { return "." }
    if path.hasPrefix("~/"), let home = getenv("HOME") {
      return String(cString: home) + path.dropFirst()
    }
    return path
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

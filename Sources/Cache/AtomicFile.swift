import Checkpoints
import Glibc
import Runtime

/// A small file that is replaced whole.
public enum AtomicFile {
  /// Writes `text` beside `path`, flushes it, and moves it into place; folders are made as needed.
  ///
  /// - Throws: `FileFailure`, `Cancelled`; what was at `path` then stays.
  public static func write(_ text: String, to path: String) throws {
    if let slash = path.lastIndex(of: "/") { try makeFolder(String(path[..<slash])) }
    let partial = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
    do {
      let sink = try FileSink(partial)
      try sink.write(text)
      try sink.finish()
      guard rename(partial, path) == 0 else { throw FileFailure("rename", partial) }
    } catch {
      unlink(partial)
      throw error
    }
  }

  private static func makeFolder(_ folder: String) throws {
    if folder.isEmpty || FileBytes.isFolder(folder) { return }
    if let slash = folder.lastIndex(of: "/") { try makeFolder(String(folder[..<slash])) }
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw FileFailure("create", folder) }
  }
}

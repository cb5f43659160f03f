import FoundationEssentials
import Glibc
import Runtime

/// Compiled kernels on disk, so that only a machine's first run compiles: `$XDG_CACHE_HOME/olv/kernels`.
///
/// A file's name is the hash of all that it depends on, so nothing in it ever grows old. What cannot be read or written is
/// compiled anew: the cache is never a reason to fail.
struct CubinCache: Sendable {
  /// The folder; nil keeps nothing.
  let folder: String?

  init(environment: [String: String]) {
    func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    folder =
      (value("XDG_CACHE_HOME") ?? value("HOME").map { "\($0)/.cache" }).map { "\($0)/olv/kernels" }
  }

  init(folder: String?) { self.folder = folder }

  /// The name for a source compiled with `options` by compiler `version`.
  static func key(source: [UInt8], options: [String], version: String) -> String {
    var hash = SHA256()
    hash.update(version)
    for option in options { hash.update(option) }
    source.withUnsafeBytes { hash.update($0) }
    return hash.finish()
  }

  func read(_ key: String) -> [UInt8]? {
    guard let folder, let data = FileManager.default.contents(atPath: "\(folder)/\(key).cubin")
    else { return nil }
    return data.isEmpty ? nil : [UInt8](data)
  }

  /// Writes beside the target and renames, so that no other process ever sees a part.
  func write(_ key: String, _ code: [UInt8]) {
    guard let folder else { return }
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let part = "\(folder)/\(key).\(getpid()).part"
    let file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    var rest = code[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    let complete = rest.isEmpty && fsync(file) == 0
    close(file)
    if !complete || rename(part, "\(folder)/\(key).cubin") != 0 { unlink(part) }
  }
}

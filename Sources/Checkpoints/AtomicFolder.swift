import Glibc
import Runtime

/// A folder that appears whole or not at all: written beside its target under another name, flushed to the disk, then
/// moved into place in one step.
///
/// *Guarantee:* at every moment the target is absent, the old folder, or the complete new one.
public final class AtomicFolder {
  /// Where the folder will be.
  public let target: String
  /// Where it is being written.
  public let path: String
  private let parent: String
  private var made: [String] = []
  private var isDone = false
  private var sinks: [(name: String, sink: FileSink)] = []
  /// Whether files are hashed instead of written.
  private let isPretended: Bool

  /// Writes a folder at `target` with `body`; whatever goes wrong, nothing of it is left.
  ///
  /// - Throws: `NotReplaceable` where something stands at `target` that is no model folder, `FileFailure`, and what
  ///   `body` throws.
  public static func write(_ target: String, body: (AtomicFolder) throws -> Void) throws {
    let folder = try AtomicFolder(target)
    do {
      try body(folder)
      try folder.commit()
    } catch {
      folder.discard()
      throw error
    }
  }

  /// The files that `body` would write to a folder at `target`. Nothing is written, and `target` is taken as it stands.
  ///
  /// - Throws: What `body` throws.
  public static func files(
    at target: String, body: (AtomicFolder) throws -> Void
  ) throws -> [WrittenFile] {
    let folder = AtomicFolder(pretending: target)
    try body(folder)
    return folder.files
  }

  /// What was written so far and is finished, by name.
  public var files: [WrittenFile] {
    sinks.map { name, sink in
      WrittenFile(name: name, bytes: sink.count, sha256: sink.digest ?? "")
    }.sorted { $0.name < $1.name }
  }

  private init(pretending target: String) {
    self.target = target
    path = target
    parent = ""
    isPretended = true
    isDone = true
  }

  private init(_ target: String) throws {
    isPretended = false
    var target = target
    while target.count > 1, target.hasSuffix("/") { target.removeLast() }
    guard !target.isEmpty, !target.contains("\0") else {
      throw NotReplaceable(path: "\"\(target)\"", reason: "that is no name for a folder")
    }
    // A link is followed: what it points to is replaced, the link stays.
    if let resolved = realpath(target, nil) {
      target = String(cString: resolved)
      free(resolved)
      try ModelFolder.checkReplaceable(target)
    }
    let slash = target.lastIndex(of: "/")
    let name = String(slash.map { target[target.index(after: $0)...] } ?? target[...])
    guard !name.isEmpty, name != ".", name != ".." else {
      throw NotReplaceable(path: target, reason: "that is no name for a folder")
    }
    parent = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
    self.target = target
    path = "\(parent)/.\(name).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
    do {
      try makeParents()
      AtomicFolder.removeLeftovers(of: name, in: parent)
      guard mkdir(path, 0o755) == 0 else { throw FileFailure("create", path) }
    } catch {
      discard()
      throw error
    }
  }

  /// A new file in the folder; `name` may have one level of subfolder. The caller finishes it.
  public func create(_ name: String) throws -> FileSink {
    let sink = try sink(name)
    sinks.append((name, sink))
    return sink
  }

  private func sink(_ name: String) throws -> FileSink {
    if isPretended { return FileSink(hashing: "\(path)/\(name)") }
    if let slash = name.firstIndex(of: "/") {
      let sub = "\(path)/\(name[..<slash])"
      if mkdir(sub, 0o755) != 0, errno != EEXIST { throw FileFailure("create", sub) }
    }
    return try FileSink("\(path)/\(name)", hashes: true)
  }

  public func write(_ text: String, to name: String) throws {
    let sink = try create(name)
    try sink.write(text)
    try sink.finish()
  }

  /// Copies a file into the folder.
  public func copy(_ source: String, to name: String) throws {
    let sink = try create(name)
    let file = try MappedFile(source)
    try sink.write(file.bytes)
    try sink.finish()
  }

  private func commit() throws {
    try Interrupt.check()
    for name in try FileBytes.names(in: path) where FileBytes.isFolder("\(path)/\(name)") {
      try AtomicFolder.flush("\(path)/\(name)")
    }
    try AtomicFolder.flush(path)
    if rename(path, target) == 0 {
      // The target was absent, or an empty folder.
      isDone = true
    } else if errno == ENOTEMPTY || errno == EEXIST {
      try ModelFolder.checkReplaceable(target)
      try exchange()
    } else {
      throw FileFailure("rename", path)
    }
    try? AtomicFolder.flush(parent)
  }

  /// Swaps the new folder with the old one, then deletes the old one.
  private func exchange() throws {
    if AtomicFolder.swap(path, target) {
      isDone = true
      AtomicFolder.remove(path)
      return
    }
    // A file system without exchange: the old folder steps aside first, and comes back if the new one cannot follow.
    let aside = "\(path).old"
    guard rename(target, aside) == 0 else { throw FileFailure("rename", target) }
    guard rename(path, target) == 0 else {
      let failure = FileFailure("rename", path)
      rename(aside, target)
      throw failure
    }
    isDone = true
    AtomicFolder.remove(aside)
  }

  /// Exchanges two folders in one step, where kernel and file system can.
  private static func swap(_ first: String, _ second: String) -> Bool {
    // glibc has the call, Swift's view of it does not.
    typealias Rename =
      @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    guard let symbol = dlsym(nil, "renameat2") else { return false }
    let exchange: UInt32 = 2  // RENAME_EXCHANGE
    return unsafeBitCast(symbol, to: Rename.self)(AT_FDCWD, first, AT_FDCWD, second, exchange) == 0
  }

  private func discard() {
    guard !isDone else { return }
    AtomicFolder.remove(path)
    for folder in made.reversed() { rmdir(folder) }
  }

  private func makeParents() throws {
    var built = parent.hasPrefix("/") ? "/" : ""
    for part in parent.split(separator: "/") {
      built += built.isEmpty || built == "/" ? "\(part)" : "/\(part)"
      if FileBytes.isFolder(built) { continue }
      guard mkdir(built, 0o755) == 0 else {
        if errno == EEXIST, FileBytes.isFolder(built) { continue }
        throw FileFailure("create", built)
      }
      made.append(built)
    }
  }

  /// Removes what a killed process left behind for the same target.
  private static func removeLeftovers(of name: String, in parent: String) {
    guard let names = try? FileBytes.names(in: parent) else { return }
    for left in names where left.hasPrefix(".\(name).") && left.hasSuffix(".partial") {
      let middle = left.dropFirst(name.count + 2).dropLast(".partial".count)
      guard let process = middle.split(separator: "-").first.flatMap({ Int32($0) }), process > 0,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      remove("\(parent)/\(left)")
    }
  }

  private static func flush(_ folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure("open", folder) }
    defer { close(descriptor) }
    // Some file systems cannot flush a folder; then the rename is as safe as they make it.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileFailure("write", folder) }
  }

  /// Deletes a folder of files and of folders of files. Links are removed, not followed.
  private static func remove(_ folder: String) {
    for name in (try? FileBytes.names(in: folder)) ?? [] {
      let path = "\(folder)/\(name)"
      if unlink(path) != 0, errno == EISDIR { remove(path) }
    }
    rmdir(folder)
  }
}

/// A file of a folder that was written, or would be.
public struct WrittenFile: Sendable, Equatable {
  /// With its subfolder: `adapter/adapter_config.json`.
  public var name: String
  public var bytes: Int
  /// 64 hexadecimal digits.
  public var sha256: String

  public init(name: String, bytes: Int, sha256: String) {
    self.name = name
    self.bytes = bytes
    self.sha256 = sha256
  }
}

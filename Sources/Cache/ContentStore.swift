import Checkpoints
import Glibc
import JSON
import Runtime
import Synchronization

/// Results on disk, found again by a hash of all that determines them.
///
/// Each entry is a folder that appears whole: written beside its place, flushed and renamed. Its files are checked
/// against their checksums when they are read. Nothing is ever changed in place, so that any number of processes may
/// share a store without locks: two that write the same entry write the same bytes, and one that reads keeps its files
/// when another evicts them.
///
/// On disk: `entries/ab/ab12…/` with `entry` (see `Manifest`), the entry's files, and `used`, which grows by a byte with
/// every hit and whose time is the last use; `files/`: hashes of large files (see `FileHashes`); `limit`.
public final class ContentStore: Sendable {
  public let folder: String
  let state = Mutex(State())

  struct State {
    /// Bytes of all entries, as last counted, and entries written since.
    var bytes: Int?
    var written = 0
  }

  /// What looking for an entry found.
  public enum Lookup: Sendable {
    case found(StoredEntry)
    case absent
    /// There was one, and it is dropped.
    case damaged(DamagedEntry)
  }

  /// A store in `folder`, which is made when something is written.
  public init(folder: String) { self.folder = folder }

  /// The user's store: `OLV_CACHE`, or `olv` in `XDG_CACHE_HOME` or `~/.cache`. Nil where there is no place for one.
  public convenience init?(environment: [String: String]) {
    func folder(_ name: String) -> String? {
      environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    if let own = environment["OLV_CACHE"], !own.isEmpty {
      self.init(folder: own)
    } else if let shared = folder("XDG_CACHE_HOME") {
      self.init(folder: "\(shared)/olv")
    } else if let home = folder("HOME") {
      self.init(folder: "\(home)/.cache/olv")
    } else {
      return nil
    }
  }

  var entriesFolder: String { "\(folder)/entries" }

  func path(of key: EntryKey) -> String { "\(entriesFolder)/\(key.hash.prefix(2))/\(key.hash)" }

  // MARK: Finding

  /// Looks for an entry; a hit counts as a use.
  ///
  /// - Parameter counts: `false` leaves the store as it is: no hit is counted, and nothing dropped.
  public func find(_ key: EntryKey, counts: Bool = true) -> Lookup {
    let path = path(of: key)
    guard let bytes = try? FileBytes.read("\(path)/\(Manifest.name)") else { return .absent }
    do {
      let manifest = try Manifest(bytes, path: path)
      guard manifest.key == key else {
        throw DamagedEntry(path: path, reason: "it was stored under another key")
      }
      var files: [String: MappedFile] = [:]
      for (name, expected) in manifest.files {
        // Another process may be evicting it: then it is as good as absent.
        guard let file = try? MappedFile("\(path)/\(name)") else {
          if FileBytes.isFile("\(path)/\(Manifest.name)") {
            throw DamagedEntry(path: path, reason: "\(name) is missing")
          }
          return .absent
        }
        guard file.bytes.count == expected.bytes else {
          throw DamagedEntry(path: path, reason: "\(name) has another length")
        }
        files[name] = file
      }
      if counts { markUsed(path) }
      return .found(
        StoredEntry(
          key: key, created: manifest.created, seconds: manifest.seconds, facts: manifest.facts,
          folder: path, store: self, manifest: manifest, files: files))
    } catch let damage as DamagedEntry {
      if counts { drop(path) }
      return .damaged(damage)
    } catch {
      return .absent
    }
  }

  /// Whether there is such an entry; nothing of it is read.
  public func contains(_ key: EntryKey) -> Bool {
    FileBytes.isFile("\(path(of: key))/\(Manifest.name)")
  }

  private func markUsed(_ path: String) {
    let descriptor = open("\(path)/\(Self.used)", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var hit = UInt8(ascii: "+")
    _ = Glibc.write(descriptor, &hit, 1)
  }

  static let used = "used"

  // MARK: Storing

  /// Writes an entry; one that is there already stays as it is.
  ///
  /// - Parameters:
  ///   - seconds: How long its content took to compute.
  ///   - facts: A few values that are found again beside the files.
  ///   - body: Writes the files.
  /// - Throws: `FileFailure`, `NoRoom`, `Cancelled`, and what `body` throws; nothing is left of the entry then.
  public func insert(
    _ key: EntryKey, seconds: Double, facts: JSONObject = JSONObject(),
    body: (EntryWriter) throws -> Void = { _ in }
  ) throws {
    let path = path(of: key)
    guard !FileBytes.isFolder(path) else { return }
    var size = 0
    do {
      try AtomicFolder.write(path) { folder in
        let writer = EntryWriter(folder: folder)
        try body(writer)
        var manifest = Manifest(
          key: key, created: Self.now, seconds: seconds, facts: facts, files: [:])
        manifest.files = writer.contents
        let text = manifest.text
        size = manifest.files.values.reduce(text.utf8.count) { $0 + $1.bytes }
        guard size <= limit else { throw NoRoom(bytes: size, limit: limit) }
        try folder.write(text, to: Manifest.name)
      }
    } catch let failure as NotReplaceable {
      // Another process was faster: what it wrote is the same.
      guard FileBytes.isFile("\(path)/\(Manifest.name)") else { throw failure }
      return
    }
    makeRoom(adding: size)
  }

  /// Seconds since 1970.
  public static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// An entry that is larger than the store may be.
public struct NoRoom: Failure, Equatable {
  public var bytes: Int
  public var limit: Int
  public var message: String {
    "an entry of \(Words.bytes(bytes)) does not fit the cache's limit of \(Words.bytes(limit))"
  }
  public var help: String? { "`cache limit=…` raises it" }
}

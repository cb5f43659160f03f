import FoundationEssentials
import Glibc
import Runtime

/// Finds models and datasets on this machine: as paths, and in the cache that Hugging Face tools fill.
///
/// Nothing is downloaded.
public struct HubCache: Sendable {
  public enum Kind: String, Sendable {
    case model, dataset

    fileprivate var prefix: String { "\(rawValue)s--" }
  }

  /// The cache folders, the one that takes precedence first.
  public let roots: [String]
  private let home: String?

  /// - Parameter environment: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` and `HOME` are looked at.
  public init(environment: [String: String]) {
    func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    home = value("HOME")
    var roots: [String] = []
    for root in [
      value("HF_HUB_CACHE"), value("HUGGINGFACE_HUB_CACHE"), value("HF_HOME").map { "\($0)/hub" },
      value("XDG_CACHE_HOME").map { "\($0)/huggingface/hub" },
      home.map { "\($0)/.cache/huggingface/hub" },
    ] {
      guard let root else { continue }
      let path = HubCache.expand(root, home: home)
      if !roots.contains(path) { roots.append(path) }
    }
    self.roots = roots
  }

  /// The path of a model or dataset: `id` itself where it is a path that exists, else the snapshot in the cache.
  ///
  /// - Parameter revision: a branch, a tag, or a commit hash of at least 7 digits; `main` by default. With a
  ///   revision, only the cache is looked at.
  /// - Throws: `NotFound` with every place looked at; `HubIDFailure` where `id` is neither a path nor a hub id.
  public func find(_ id: String, kind: Kind, revision: String? = nil) throws -> String {
    var looked: [String] = []
    let path = HubCache.expand(id, home: home)
    if revision == nil {
      if HubCache.exists(path) { return path }
      looked.append(path)
    }
    if HubCache.isPath(id) {
      throw NotFound(id: id, kind: kind, revision: revision, looked: [path], isPath: true)
    }
    let name = try HubID(id)
    if let revision { try HubCache.check(revision: revision) }
    for root in roots {
      let folder = "\(root)/\(kind.prefix)" + name.repository.replacing("/", with: "--")
      guard HubCache.exists(folder) else {
        looked.append(folder)
        continue
      }
      guard let snapshot = snapshot(in: folder, revision: revision) else {
        looked.append("\(folder) (no snapshot of \(revision ?? "main"))")
        continue
      }
      let found = name.subpath.isEmpty ? snapshot : "\(snapshot)/\(name.subpath)"
      if HubCache.exists(found) { return found }
      looked.append(found)
    }
    throw NotFound(id: id, kind: kind, revision: revision, looked: looked, isPath: false)
  }

  /// The hub id, with what lies below it, and the commit that a path in such a cache stands for; nil for other paths.
  public static func reference(of path: String) -> (id: String, revision: String)? {
    let parts = path.split(separator: "/").map(String.init)
    guard let place = parts.lastIndex(of: "snapshots"), place > 0, place + 1 < parts.count,
      isHash(parts[place + 1]), parts[place + 1].utf8.count >= 7
    else { return nil }
    let folder = parts[place - 1]
    guard let kind = [Kind.model, .dataset].first(where: { folder.hasPrefix($0.prefix) }) else {
      return nil
    }
    let id = String(folder.dropFirst(kind.prefix.count)).replacing("--", with: "/")
    return ([id] + parts[(place + 2)...]).joined(separator: "/").asHubID.map {
      ($0, parts[place + 1])
    }
  }

  /// The ids of everything in the cache, sorted.
  public func list(_ kind: Kind) -> [String] {
    var ids: Set<String> = []
    for root in roots {
      for name in HubCache.names(in: root) where name.hasPrefix(kind.prefix) {
        let id = name.dropFirst(kind.prefix.count).split(separator: "--").joined(separator: "/")
        if (try? HubID(id))?.subpath.isEmpty == true, snapshot(in: "\(root)/\(name)") != nil {
          ids.insert(id)
        }
      }
    }
    return ids.sorted()
  }

  /// The folder of a repository's revision; without one that of `main`, else the newest.
  private func snapshot(in folder: String, revision: String? = nil) -> String? {
    let snapshots = "\(folder)/snapshots"
    func existing(_ hash: String) -> String? {
      let path = "\(snapshots)/\(hash)"
      return HubCache.isHash(hash) && !HubCache.names(in: path).isEmpty ? path : nil
    }
    if let hash = HubCache.reference("\(folder)/refs/\(revision ?? "main")"),
      let found = existing(hash)
    {
      return found
    }
    let hashes = HubCache.names(in: snapshots).filter { existing($0) != nil }
    guard let revision else {
      // A cache filled by other means may lack the reference.
      return hashes.max { left, right in
        let (first, second) = (
          HubCache.modified("\(snapshots)/\(left)"), HubCache.modified("\(snapshots)/\(right)")
        )
        return first == second ? left < right : first < second
      }.map { "\(snapshots)/\($0)" }
    }
    guard HubCache.isHash(revision), revision.utf8.count >= 7 else { return nil }
    let matches = hashes.filter { $0.hasPrefix(revision) }
    return matches.count == 1 ? "\(snapshots)/\(matches[0])" : nil
  }

  // MARK: Files

  /// Whether a text can only be meant as a path.
  private static func isPath(_ text: String) -> Bool {
    ["/", "./", "../", "~/"].contains { text.hasPrefix($0) } || [".", "..", "~"].contains(text)
  }

  private static func expand(_ path: String, home: String?) -> String {
    guard let home, path == "~" || path.hasPrefix("~/") else { return path }
    return home + path.dropFirst()
  }

  private static func check(revision: String) throws {
    let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
    guard !revision.utf8.contains(0), revision.utf8.count <= 255,
      parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
    else { throw HubIDFailure(id: revision, reason: "it cannot be a revision") }
  }

  private static func isHash(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return !path.isEmpty && !path.utf8.contains(0) && stat(path, &status) == 0
  }

  /// When a file was last changed, in nanoseconds.
  private static func modified(_ path: String) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { return 0 }
    return status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec
  }

  private static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// The hash in a reference file.
  private static func reference(_ path: String) -> String? {
    guard let bytes = try? ByteSource(path: path), bytes.count <= 256,
      let text = try? bytes.text(0..<bytes.count)
    else { return nil }
    let hash = text.split(whereSeparator: \.isWhitespace).joined()
    return isHash(hash) ? hash : nil
  }
}

/// A model or dataset that is not on this machine.
public struct NotFound: Failure, Equatable {
  public var id: String
  public var kind: HubCache.Kind
  public var revision: String?
  /// Every place that was looked at, in order.
  public var looked: [String]
  /// Whether the id can only be a path.
  public var isPath: Bool

  public var message: String {
    if isPath { return "there is no file or folder \(looked.first ?? id)" }
    let what = revision.map { "revision `\($0)` of the \(kind.rawValue)" } ?? "the \(kind.rawValue)"
    return "\(what) `\(id)` is not on this machine; looked for "
      + looked.joined(separator: ", ")
  }

  public var help: String? {
    if isPath { return nil }
    let parts = id.split(separator: "/")
    let repository = parts.prefix(2).joined(separator: "/")
    let options =
      (kind == .dataset ? " --repo-type dataset" : "")
      + (revision.map { " --revision \($0)" } ?? "")
    return "download it with `hf download \(repository)\(options)` "
      + "(or `huggingface-cli download …`), or give a folder; `use demo` has small ones built in"
  }
}

extension String {
  fileprivate var asHubID: String? { (try? HubID(self)) == nil ? nil : self }
}

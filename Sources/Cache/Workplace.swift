import Checkpoints
import JSON
import Runtime
import Synchronization

/// Where one stage keeps what it has done so far, so that a run that was killed goes on where it was.
///
/// Parts are entries of the store like any other: whole, checked, evicted when unused. They are named after the stage,
/// so that only the very same stage finds them.
public final class Workplace: Sendable {
  private let store: ContentStore
  private let stage: String
  private let parts = Mutex<[EntryKey]>([])

  /// Whether everything is worth it, however little work it was.
  private let keepsEverything: Bool

  /// - Parameter stage: The hash of the stage's key.
  public init(store: ContentStore, stage: String, keepsEverything: Bool = false) {
    self.store = store
    self.stage = stage
    self.keepsEverything = keepsEverything
  }

  private func key(_ name: String) -> EntryKey {
    EntryKey("unfinished", [EntryKey.Part("stage", stage), EntryKey.Part("part", name)])
  }

  /// What an earlier run kept under this name; nil where there is nothing, or it is damaged.
  public func find(_ name: String) -> StoredEntry? {
    let key = key(name)
    guard case .found(let entry) = store.find(key) else { return nil }
    parts.withLock { $0.append(key) }
    return entry
  }

  /// Keeps a part, in place of an older one of the same name. What cannot be written is not kept.
  ///
  /// - Throws: `Cancelled`.
  public func keep(
    _ name: String, seconds: Double, facts: JSONObject, body: (EntryWriter) throws -> Void
  ) throws {
    let key = key(name)
    store.drop(store.path(of: key))
    do {
      try store.insert(key, seconds: seconds, facts: facts, body: body)
    } catch let cancelled as Cancelled { throw cancelled } catch { return }
    parts.withLock { $0.append(key) }
  }

  /// Removes all parts: the stage is done.
  public func clear() {
    for key in parts.withLock({ $0 }) { store.drop(store.path(of: key)) }
  }

  /// Whether so many seconds of work are worth being kept in so many bytes: at most 3% of the time shall go into writing,
  /// also on a slow disk.
  ///
  /// - Parameter cost: Seconds that writing as much took the last time.
  public func isWorth(seconds: Double, bytes: Int, cost: Double = 0) -> Bool {
    keepsEverything || seconds >= max(0.01 + Double(bytes) / 200e6, cost) / 0.03
  }
}

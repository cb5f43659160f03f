import Cache
import JSON
import Language
import Runtime

/// A part of a stage's work that other stages have in common with it, such as what one reference model makes of a text: an
/// entry of the cache with a key of its own.
///
/// Tokens are no such parts. A stage's are made in less time than an entry takes to be found and checked (4096 rows of the
/// demo in 0.2 s).
public struct SharedWork {
  let store: ContentStore
  let key: EntryKey
  let session: Session
  let context: RunContext
  /// Of the model that the work is about.
  let lineage: String

  private var isRehearsed: Bool { context.book?.rehearsal != nil }

  /// What an earlier stage or run left; nil where there is nothing, or it is damaged.
  public func find() -> StoredEntry? {
    switch store.find(key, counts: !isRehearsed) {
    case .found(let entry): return entry
    case .absent: return nil
    case .damaged(let damage):
      context.remark("\(damage.message); computed again")
      return nil
    }
  }

  /// In a plan, whether an earlier stage will have left the work here by then.
  public var isExpected: Bool { isRehearsed && context.book?.holds(key) == true }

  /// In a plan, runs `body` without counting what it asks for: for what is found here by then.
  public func unnoticed<Result>(_ body: () throws -> Result) throws -> Result {
    try context.book?.rehearsal?.unnoticed(body) ?? body()
  }

  /// The time in seconds, by which work is measured; in a plan what its stage will have taken so far.
  public var now: Double { context.book?.rehearsal?.roughSeconds ?? ContentStore.now }

  /// Keeps the work where finding it again saves much more than it costs: writing and checking 200 MB takes a second on a
  /// slow disk, and the work must have taken three times as long. In a plan it is noted that it will be there.
  ///
  /// - Throws: `Cancelled`. What cannot be written is not kept.
  public func keep(seconds: Double, bytes: Int, body: (EntryWriter) throws -> Void) throws {
    let isWorth = Worth.facts <= 0 || seconds >= max(Worth.facts, 3 * Double(bytes) / 200e6)
    guard isWorth || session.storesAll else { return }
    if isRehearsed {
      context.book?.willShare(key, bytes: bytes)
      return
    }
    session.recordMiss(Miss(key: key, model: lineage, reason: nil, time: ContentStore.now))
    do {
      try store.insert(
        key, seconds: seconds, facts: JSONObject([("lineage", .string(lineage))]), body: body)
    } catch let cancelled as Cancelled { throw cancelled } catch {}
  }
}

extension RunContext {
  /// The place of work that depends on `model` and `parts` alone; nil where the cache is off or the model has no name.
  ///
  /// - Parameter kind: What `cache` calls it: `reference states`.
  public func shared(_ kind: String, of model: any StorableModel, _ parts: [EntryKey.Part]) throws
    -> SharedWork?
  {
    guard session.settings.caches, let store = session.host.store,
      let identity = try model.identity()
    else { return nil }
    let common = [
      EntryKey.Part("engine", try session.engine()),
      EntryKey.Part("device", identity.execution), EntryKey.Part("model", identity.content),
    ]
    return SharedWork(
      store: store, key: EntryKey(kind, common + parts), session: session, context: self,
      lineage: model.lineage)
  }
}

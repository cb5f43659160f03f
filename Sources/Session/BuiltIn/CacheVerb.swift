import Cache
import JSON
import Language
import Runtime

@section("olv_verbs") @used private let register: VerbEntry = { declare(CacheVerb.self, in: $0) }

/// `cache [why|clear|on|off]`
struct CacheVerb: Verb {
  static let name = "cache"
  static let isRehearsed = false
  static let summary = "what earlier runs left to be used again: list, explain, limit, clear"
  static let details = """
    Every stage that takes a model (quantize, finetune, merge, ppl, diverge) is stored under a hash of all that determines \
    its outcome: the program, the device and precision, the model's weights or the stages that made it, the parameters, \
    the rows. The same stage is then not run again, in this session or a later one; its report says `cached` and how \
    long it took. Results from the cache are the same bytes. So are parts of stages that other stages share: what the \
    reference of `diverge` makes of the rows, and the Hessians of a float model (awq, and gptq with sequential=no).

    `cache` lists the entries. `cache why` says what was different where the last run found nothing. limit= bounds the \
    bytes on disk, for good (20 GiB at first); what was not used for longest goes first. `cache off` computes everything \
    anew for the rest of the session, as the flag --no-cache does. The cache lies in $OLV_CACHE, or else in \
    $XDG_CACHE_HOME/olv or ~/.cache/olv. Several processes may share it.
    """
  static let input = VerbInput.nothing
  static let examples = [
    Example("cache", "the entries, their size, age and use"),
    Example("cache why", "why the last run computed what it computed"),
    Example("cache limit=20GiB", "how large the cache may grow"),
    Example("cache off", "compute everything from now on"),
  ]
  static let seeAlso = ["defaults", "seed"]

  enum What: String, CaseIterable, ArgumentType { case list, why, clear, on, off }

  @Arg(
    "what",
    "list the entries, explain the last misses, remove everything, or turn the cache on or off")
  var what: What = .list
  @Opt("limit", "the most bytes on disk, from now on") var limit: ByteCount?

  func run(_ context: RunContext) throws -> Outcome {
    guard let store = context.session.host.store else { throw NoStore() }
    if let limit {
      let before = store.entries()
      try store.setLimit(limit.bytes)
      let after = store.entries()
      if after.count < before.count {
        let bytes = Self.bytes(before) - Self.bytes(after)
        context.remark(
          "removed what was not used for longest: \(Words.counted(before.count - after.count, "entry", plural: "entries")), \(Words.bytes(bytes))"
        )
      }
      if limit.bytes == 0 {
        context.remark("nothing is kept from now on, in any session, before another limit is set")
      }
    }
    switch what {
    case .list: return .report(list(store, context))
    case .why: return .report(CacheMisses(store, context.session.misses).report)
    case .clear:
      let (count, bytes) = store.clear()
      return .report(
        Report(
          fields: JSONObject([("removed", .int(count)), ("bytes", .int(bytes))]),
          display: [
            .text(
              "removed \(Words.counted(count, "entry", plural: "entries")), \(Words.bytes(bytes))")
          ]))
    case .on, .off:
      try context.session.apply { $0.caches = what == .on }
      return .report(
        Report(
          fields: JSONObject([("on", .bool(what == .on))]),
          display: [.text(what == .on ? "the cache is on" : "the cache is off")]))
    }
  }

  private static func bytes(_ entries: [EntrySummary]) -> Int {
    entries.reduce(0) { $0 + $1.bytes }
  }

  private func list(_ store: ContentStore, _ context: RunContext) -> Report {
    let entries = store.entries()
    let total = Self.bytes(entries)
    let now = ContentStore.now
    let json = entries.map { entry in
      JSON.object(
        JSONObject([
          ("verb", .string(entry.key.kind)), ("model", entry.facts["lineage"] ?? .null),
          ("bytes", .int(entry.bytes)), ("age", .number((now - entry.created).rounded())),
          ("unused", .number((now - entry.used).rounded())), ("hits", .int(entry.hits)),
          ("seconds", .number(entry.seconds)), ("key", .string(entry.key.hash)),
        ]))
    }
    let grid = Grid(
      columns: ["verb", "of", "bytes", "age", "hits", "took"],
      rows: entries.map { entry in
        [
          entry.key.kind, entry.facts["lineage"]?.stringValue ?? "", Words.bytes(entry.bytes),
          (now - entry.created).asAge, "\(entry.hits)", entry.seconds.asAge,
        ]
      })
    let state = context.session.settings.caches ? "" : "; it is off"
    return Report(
      fields: JSONObject([
        ("folder", .string(store.folder)), ("limit", .int(store.limit)), ("bytes", .int(total)),
        ("count", .int(entries.count)), ("on", .bool(context.session.settings.caches)),
        ("entries", .array(json)),
      ]),
      display: (entries.isEmpty ? [] : [.grid(grid)]) + [
        .text(
          "\(Words.counted(entries.count, "entry", plural: "entries")), \(Words.bytes(total)) of \(Words.bytes(store.limit)) in \(store.folder)\(state)"
        )
      ])
  }
}

/// There is nowhere to keep anything.
struct NoStore: Failure {
  var message: String { "there is no place for a cache" }
  var help: String? { "name one: OLV_CACHE=/path/to/folder" }
}

extension Double {
  /// `40 s`, `3 min`, `5 h`, `2 d`.
  fileprivate var asAge: String {
    switch self {
    case ..<10: "\(JSON.number((self * 10).rounded() / 10).shortText) s"
    case ..<120: "\(Int(self)) s"
    case ..<7200: "\(Int(self / 60)) min"
    case ..<172_800: "\(Int(self / 3600)) h"
    default: "\(Int(self / 86_400)) d"
    }
  }
}

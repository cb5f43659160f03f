import Cache
import Glibc
import JSON
import Runtime

/// What a verb gave, and whether it had to work for it.
struct CachedOutcome {
  var outcome: Outcome
  /// How long it took when it was computed, where it comes from the cache.
  var seconds: Double?
}

extension Interpreter {
  /// Runs a verb, or finds in the cache what it gave the last time.
  func outcome(
    of made: VerbCall, _ declaration: VerbDeclaration, _ context: RunContext
  ) throws -> CachedOutcome {
    guard let verb = made.verb as? any ReproducibleVerb else {
      return CachedOutcome(outcome: try work(made.verb, context))
    }
    let provenance = try Provenance(verb, made, declaration, context)
    if let provenance { try session.willRun?(provenance) }
    let start = ContinuousClock.now
    var result =
      if let verb = verb as? any CacheableVerb {
        try cached(verb, made, declaration, context)
      } else {
        CachedOutcome(outcome: try work(verb, context))
      }
    let seconds = result.seconds ?? ContinuousClock.now - start
    let isStored = (verb as? any CacheableVerb).map { type(of: $0).isStored } ?? false
    let effort = Effort(
      seconds: seconds, isCached: result.seconds != nil,
      isStage: isStored && (seconds >= Worth.facts || session.storesAll))
    result.outcome = result.outcome.made(by: provenance, verb, effort)
    return result
  }

  private func cached(
    _ verb: any CacheableVerb, _ made: VerbCall, _ declaration: VerbDeclaration,
    _ context: RunContext
  ) throws -> CachedOutcome {
    try verb.warn(context)
    let own = context.warnings.list.count
    guard let stage = try Stage(verb, made, declaration, context) else {
      return CachedOutcome(outcome: try work(made.verb, context))
    }
    var reason: String?
    if stage.isStored {
      switch stage.store.find(stage.key, counts: !isRehearsing) {
      case .found(let entry):
        do {
          if let found = try stage.outcome(of: entry) { return found }
        } catch let damage as DamagedEntry {
          reason = "it was damaged: \(damage.reason)"
          context.remark("\(damage.message); computed again")
        }
      case .damaged(let damage):
        reason = "it was damaged: \(damage.reason)"
        context.remark("\(damage.message); computed again")
      case .absent: break
      }
    }
    if let book, let rehearsal = book.rehearsal {
      // By then an earlier stage will have stored it.
      if book.holds(stage.key) {
        let outcome = try rehearsal.unnoticed { try stage.named(work(verb, context)) }
        return CachedOutcome(outcome: outcome, seconds: 0)
      }
      let outcome = try work(verb, context)
      if stage.isStored {
        book.willStore(
          stage.key, bytes: try stage.bytes(of: outcome), storesAll: session.storesAll)
      }
      return CachedOutcome(outcome: try stage.named(outcome))
    }
    let begun = ContentStore.now
    let start = ContinuousClock.now
    var context = context
    if stage.isStored {
      context.workplace = Workplace(
        store: stage.store, stage: stage.key.hash, keepsEverything: Worth.facts <= 0)
    }
    let outcome = try verb.run(context)
    let seconds: Double = ContinuousClock.now - start
    if stage.isStored, seconds >= Worth.facts || session.storesAll {
      session.recordMiss(
        Miss(key: stage.key, model: stage.base.lineage, reason: reason, time: begun))
      if let failure = stage.store(outcome, seconds: seconds, warningsFrom: own),
        session.isFirstStoreFailure()
      {
        context.remark("the cache could not be written: \(failure.message)")
      }
    }
    context.workplace?.clear()
    return CachedOutcome(outcome: try stage.named(outcome))
  }
}

/// One run of a cacheable verb on a model that has a name.
private struct Stage {
  let verb: any CacheableVerb
  let context: RunContext
  let base: any StorableModel
  let store: ContentStore
  let key: EntryKey

  var isStored: Bool { type(of: verb).isStored }

  /// Nil where the cache is off, or the run cannot be named.
  init?(
    _ verb: any CacheableVerb, _ made: VerbCall, _ declaration: VerbDeclaration,
    _ context: RunContext
  ) throws {
    guard context.session.settings.caches, let store = context.session.host.store,
      case .model(let model) = context.input, let base = model as? any StorableModel,
      let identity = try base.identity(), let parts = try verb.keyParts(context)
    else { return nil }
    let type = type(of: verb)
    var key = [
      EntryKey.Part("engine", try context.session.engine()),
      EntryKey.Part("verb", "\(declaration.name) \(type.revision)"),
      EntryKey.Part("device", identity.execution), EntryKey.Part("model", identity.content),
    ]
    for slot in made.slots where !type.indifferent.contains(slot.declaration.name) {
      key.append(EntryKey.Part(slot.declaration.name, slot.written))
      for model in slot.models {
        guard let identity = try (model as? any StorableModel)?.identity() else { return nil }
        key.append(
          EntryKey.Part(
            "model of \(slot.declaration.name)", "\(identity.content) \(identity.execution)"))
      }
    }
    self.key = EntryKey(declaration.name, key + parts)
    self.verb = verb
    self.context = context
    self.base = base
    self.store = store
  }

  /// What an entry holds; nil where it is none of this verb's outcomes.
  func outcome(of entry: StoredEntry) throws -> CachedOutcome? {
    let facts = entry.facts
    var report: Report?
    if let stored = facts["report"] {
      guard let read = Report(stored: stored, evidence: type(of: verb).evidence) else {
        throw entry.damaged("its report cannot be read")
      }
      report = read
    }
    context.warnings.list += (facts["warnings"]?.arrayValue ?? []).compactMap(Warning.init(stored:))
    for note in facts["notes"]?.arrayValue ?? [] {
      if let text = note.stringValue { context.note(text) }
    }
    if let about = facts["model"]?.objectValue {
      let work = Work(verb: verb, context: context, name: key.hash)
      let model = try base.restored(entry, facts: about, name: key.hash) { try work.model() }
      return CachedOutcome(
        outcome: .model(try verb.completed(model, context), report), seconds: entry.seconds)
    }
    guard let report else { return nil }
    return CachedOutcome(outcome: .report(report), seconds: entry.seconds)
  }

  /// Stores an outcome, and its model where that is worth the time.
  ///
  /// - Parameter first: The first warning that the work gave rise to.
  /// - Returns: Why it could not.
  func store(
    _ outcome: Outcome, seconds: Double, warningsFrom first: Int
  ) -> (any Failure)? {
    var facts = JSONObject()
    facts["notes"] = .array(context.notes.lines.map(JSON.string))
    facts["warnings"] = .array(context.warnings.list[first...].map(\.stored))
    facts["lineage"] = .string(base.lineage)
    if let label = context.label { facts["label"] = .string(label) }
    var report: Report?
    var made: (any StorableModel)?
    switch outcome {
    case .model(let model, let told):
      guard let model = model as? any StorableModel else { return nil }
      made = model
      report = told
    case .report(let told): report = told
    case .value, .nothing: return nil
    }
    guard context.notes.shown.isEmpty else { return nil }
    if let report {
      guard let json = report.stored(evidence: type(of: verb).evidence) else { return nil }
      facts["report"] = json
    }
    do {
      var isWhole = false
      if let made {
        let (about, bytes) = try made.facts(madeFrom: base)
        facts["model"] = .object(about)
        isWhole = seconds >= Worth.seconds(bytes: bytes) || context.session.storesAll
      }
      try store.insert(key, seconds: seconds, facts: facts) { entry in
        if isWhole { try made?.store(in: entry, madeFrom: base) }
      }
      return nil
    } catch is Cancelled {
      // The flag stays raised: the next step stops.
      return nil
    } catch { return error as? any Failure }
  }

  /// Bytes that the model of an outcome would take in the store; 0 where there is none.
  func bytes(of outcome: Outcome) throws -> Int {
    guard case .model(let model, _) = outcome, let made = model as? any StorableModel else {
      return 0
    }
    return try made.facts(madeFrom: base).bytes
  }

  /// The outcome with its model named after this stage.
  func named(_ outcome: Outcome) throws -> Outcome {
    guard case .model(let model, let report) = outcome, let made = model as? any StorableModel
    else {
      return outcome
    }
    return .model(try made.named(key.hash), report)
  }
}

/// The work that made a model, for when it has to be done again. A session runs on one thread, and so does what it holds.
private struct Work: @unchecked Sendable {
  let verb: any CacheableVerb
  let context: RunContext
  let name: String

  func model() throws -> any ModelValue {
    guard case .model(let model, _) = try verb.run(context) else { throw NoModel() }
    return try (model as? any StorableModel)?.named(name) ?? model
  }
}

/// Which outcomes are worth storing: writing must stay a small part of the work.
enum Worth {
  /// Seconds of work below which nothing is written; `OLV_CACHE_SECONDS` says otherwise.
  static let facts = getenv("OLV_CACHE_SECONDS").flatMap { Double(String(cString: $0)) } ?? 0.3
  /// Seconds of work below which a model of so many bytes is made again instead of being stored: writing and checking
  /// 200 MB takes a second on a slow disk, and may take 3% of the work.
  static func seconds(bytes: Int) -> Double { facts + Double(bytes) / 200e6 / 0.03 }
}

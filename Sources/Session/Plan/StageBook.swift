import Cache
import Language
import Runtime

/// The stages of a plan, in the order in which they run: what they will cost, and what they then did.
final class StageBook {
  struct Line {
    /// The branch, or nil.
    var label: String?
    var verb: String
    /// The call as written.
    var call: String
    /// Of the model that it yields, or else takes.
    var model: String?
    var forecast = Forecast()
    /// The rehearsal's number of it.
    fileprivate var stage = 0
    /// Whether it costs nothing because the cache has it, or will have it by then.
    var isCached = false
    var makesModel = false
    /// Whether its cost cannot be told.
    var isUnknown = false
    /// What helps where it takes too much memory.
    var advice: String?
    /// What it then took; nil as long as it has not run.
    var seconds: Double?
    var memory: Int?
    /// What was not stored for lack of work, and will be where there is more of it.
    fileprivate var stored: (bytes: Int, isWhole: Bool)?
  }

  private(set) var lines: [Line] = []
  /// The rehearsal, while it goes on; then the stages run.
  private(set) var rehearsal: (any Rehearsal)?
  /// Stages that are in the cache by the time that they are asked for again.
  private var stored: Set<String> = []
  private var next = 0
  private let host: any Host

  init(_ rehearsal: any Rehearsal, host: any Host) {
    self.rehearsal = rehearsal
    self.host = host
  }

  /// Runs a stage: a line of its own in a rehearsal, and later the same line again.
  func observe(
    _ declaration: VerbDeclaration, _ call: Call, label: String?, input: Datum,
    _ body: () throws -> CachedOutcome
  ) throws -> CachedOutcome {
    // Names for data are no stages: what they open was opened when the steps were checked.
    if declaration.type.isDeclarative { return try body() }
    guard let rehearsal else { return try watch(declaration.name, body) }
    var line = Line(label: label, verb: declaration.name, call: "\(call)")
    line.makesModel = declaration.type.output == .model
    line.advice = declaration.type.memoryAdvice
    if case .model(let model) = input { line.model = model.lineage }
    let place = lines.count
    lines.append(line)
    rehearsal.begin()
    // Also of one that fails: a default that turns out not to be needed may.
    defer { lines[place].stage = rehearsal.end() }
    let result = try body()
    lines[place].isCached = result.seconds != nil
    if case .model(let model, _) = result.outcome { lines[place].model = model.lineage }
    return result
  }

  /// Runs a stage for good and measures it.
  private func watch(_ verb: String, _ body: () throws -> CachedOutcome) throws -> CachedOutcome {
    let place = next
    next += 1
    host.resetMemoryPeak()
    let start = ContinuousClock.now
    let result = try body()
    guard place < lines.count, lines[place].verb == verb else { return result }
    lines[place].seconds = ContinuousClock.now - start
    lines[place].memory = host.memoryPeak
    return result
  }

  // MARK: The rehearsal's side

  func willWrite(_ bytes: Int) {
    guard !lines.isEmpty else { return }
    lines[lines.count - 1].forecast.disk += bytes
  }

  /// What is said of a verb that nobody can rehearse.
  func isUnknown() {
    guard !lines.isEmpty else { return }
    lines[lines.count - 1].isUnknown = true
  }

  func holds(_ key: EntryKey) -> Bool { stored.contains(key.hash) }

  /// The stage that runs will be stored where it works long enough.
  ///
  /// - Parameter bytes: Of the model that it makes; 0 for a report.
  func willStore(_ key: EntryKey, bytes: Int, storesAll: Bool) {
    guard let rehearsal, !lines.isEmpty else { return }
    let seconds = rehearsal.roughSeconds
    guard seconds >= Worth.facts || storesAll else { return }
    let isWhole = seconds >= Worth.seconds(bytes: bytes) || storesAll
    lines[lines.count - 1].stored = (bytes, isWhole)
    // A model of which only the facts are kept is made again.
    if isWhole { stored.insert(key.hash) }
  }

  /// Work that other stages have in common with the one that runs will be kept.
  func willShare(_ key: EntryKey, bytes: Int) {
    stored.insert(key.hash)
    willWrite(bytes)
  }

  /// Ends the rehearsal: from here on stages are watched.
  func finish(_ progress: @escaping @Sendable (Progress) -> Void) throws {
    guard let rehearsal else { return }
    try rehearsal.measure(progress)
    for place in lines.indices {
      let disk = lines[place].forecast.disk
      lines[place].forecast = rehearsal.forecast(lines[place].stage)
      lines[place].forecast.disk = disk
      if let stored = lines[place].stored, stored.isWhole {
        lines[place].forecast.disk += stored.bytes
      }
    }
    self.rehearsal = nil
  }
}

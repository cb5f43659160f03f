import JSON
import Language
import Runtime

/// What a step gave when it was run again.
public struct Replayed {
  public var model: (any ModelValue)?
  public var report: Report?
  /// What computed this time.
  public var execution: String
}

extension Receipt {
  /// Runs the steps again, in a session of their own: without the cache, names, packs and defaults of this one, whose
  /// models stay as they are. Each step is refused before its work where what it reads is not what it read then.
  ///
  /// - Parameter visit: Told what every result's step gave, as soon as it is there.
  /// - Throws: `ReceiptFailure`, `Cancelled`, and what `visit` throws.
  public func replay(
    in context: RunContext, visit: (Result, Replayed) throws -> Void
  ) throws {
    let outer = context.session
    try check(outer.verbs)
    let quiet = Quiet(context.progress)
    let session = Session(
      host: outer.host, presenter: quiet, verbs: Array(outer.verbs.types.values),
      standardLibrary: outer.library.folder)
    defer { try? outer.host.apply(outer.settings) }
    try session.apply {
      $0.device = outer.settings.device
      $0.compute = compute
      $0.caches = false
    }
    var found: (any Error)?
    let lastUse = lastUse
    for (index, step) in steps.enumerated() {
      try Interrupt.check()
      context.progress(
        Progress(stage: "replay \(step.name)", done: index, total: steps.count, unit: "steps"))
      session.willRun = { provenance in
        do { try step.compare(provenance, inputs: provenance.hasFound) } catch {
          found = error
          throw error
        }
      }
      quiet.report = nil
      do {
        try session.run(Source(name: "receipt", text: "\(step.name) = \(step.call)"))
      } catch ScriptError.interrupted {
        throw Cancelled()
      } catch let error as ScriptError {
        throw found
          ?? ReceiptFailure.failedStep(
            step: step.name, reason: error.diagnostics.first?.message ?? error.message,
            help: error.diagnostics.first?.help)
      }
      var replayed = Replayed(report: quiet.report, execution: "")
      if case .value(.model(let model))? = session.scope.names[step.name] { replayed.model = model }
      if let made = (replayed.model as? any StorableModel)?.provenance
        ?? replayed.report?.provenance
      {
        replayed.execution = made.execution
        try step.compare(made, inputs: true)
      }
      for result in results where result.step == step.name { try visit(result, replayed) }
      session.forget { lastUse[$0] ?? 0 <= index }
    }
  }
}

extension Receipt {
  /// The last step that takes each step's model, by its place.
  private var lastUse: [String: Int] {
    var places: [String: Int] = [:]
    for (place, step) in steps.enumerated() {
      for name in step.call.split(separator: "$").map({ $0.prefix { $0.isLetter || $0.isNumber } })
      {
        places[String(name)] = place
      }
    }
    return places
  }
}

extension Receipt.Step {
  /// - Throws: `ReceiptFailure` where a parameter or, if these are asked for, an input is not what it was.
  fileprivate func compare(_ step: Provenance, inputs areKnown: Bool) throws {
    for part in step.defaults {
      let then = defaults[part.name]?.stringValue
      guard then == part.value else {
        throw ReceiptFailure.changedDefault(
          step: name, parameter: part.name, now: part.value, then: then ?? "")
      }
    }
    guard areKnown else { return }
    for part in try step.inputs.value where inputs[part.name]?.stringValue != part.value {
      throw ReceiptFailure.changedInput(step: name, call: call, what: part.name)
    }
  }
}

extension Provenance {
  /// Whether what it reads is known before it runs.
  fileprivate var hasFound: Bool { base != nil }
}

extension Session {
  /// Lets go of what was made under these names.
  fileprivate func forget(_ isDone: (String) -> Bool) {
    scope.model = .nothing
    scope.last = .nothing
    for name in scope.names.keys where isDone(name) { scope.names[name] = nil }
  }
}

/// Keeps the last report, shows progress where somebody looks, and nothing else.
private final class Quiet: Presenter, @unchecked Sendable {
  private let handler: ProgressHandler
  var report: Report?

  init(_ handler: @escaping ProgressHandler) { self.handler = handler }

  func show(_ report: Report) { self.report = report }
  func show(_ table: Table) {}
  func show(_ value: Datum) {}
  func write(_ text: String) {}
  func progress(_ progress: Progress) { handler(progress) }
  func show(_ diagnostic: Diagnostic) {}
}

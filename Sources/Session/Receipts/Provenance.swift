import Cache
import Language
import Runtime

/// How a model or a report came to be: one call, the models that it worked on, and hashes of what it read.
///
/// Steps share what they have in common, so that those behind one result are a graph without cycles. Nothing of a model
/// but its way is held.
public final class Provenance: Sendable {
  let verb: String
  /// How the model that the call took was made; nil for a call that found its own.
  let base: Provenance?
  /// The reports that it took, where it took a table.
  let table: RecordedTable?
  /// What was given, by the call, a name or a default; parameters that never change the outcome are left out.
  let arguments: [(key: String, isPositional: Bool, value: RecordedArgument)]
  /// The values of the parameters that were left out and can change the outcome.
  let defaults: [EntryKey.Part]
  /// Hashes of rows and weights, by what they are.
  let inputs: Deferred<[EntryKey.Part]>
  /// What computed: the kind of device, its arithmetic, the precision. Empty before there is a model.
  let execution: String
  /// What it took; nil as long as it has not run.
  let effort: Effort?

  private init(
    verb: String, base: Provenance?, table: RecordedTable?,
    arguments: [(key: String, isPositional: Bool, value: RecordedArgument)],
    defaults: [EntryKey.Part], inputs: Deferred<[EntryKey.Part]>, execution: String,
    effort: Effort?
  ) {
    self.verb = verb
    self.base = base
    self.table = table
    self.arguments = arguments
    self.defaults = defaults
    self.inputs = inputs
    self.execution = execution
    self.effort = effort
  }

  /// One call that is about to run; nil where it, or a model that it takes, cannot be told.
  ///
  /// - Throws: What keeps the verb from its work too.
  convenience init?(
    _ verb: any ReproducibleVerb, _ made: VerbCall, _ declaration: VerbDeclaration,
    _ context: RunContext
  ) throws {
    let type = type(of: verb)
    var base: Provenance?
    var table: RecordedTable?
    var execution = ""
    switch context.input {
    case .model(let model):
      guard let model = model as? any StorableModel, let known = model.provenance else {
        return nil
      }
      base = known
      execution = model.execution
    case .table(let taken):
      guard let known = RecordedTable(taken) else { return nil }
      table = known
      execution = known.steps[0].execution
    default: break
    }
    var arguments: [(key: String, isPositional: Bool, value: RecordedArgument)] = []
    var defaults: [EntryKey.Part] = []
    for (place, slot) in made.slots.enumerated() {
      let name = slot.declaration.name
      guard !type.indifferent.contains(name) else { continue }
      guard slot.origin != .builtIn else {
        if !verb.implied.contains(where: { $0.key == name }) {
          defaults.append(EntryKey.Part(name, slot.written))
        }
        continue
      }
      switch slot.recorded {
      case .absent: continue
      case .unknown: return nil
      case let value:
        arguments.append((name, place == 0 && slot.declaration.isPositional, value))
      }
    }
    for (key, text) in verb.implied {
      arguments.append((key, false, .text(text)))
    }
    guard let parts = try verb.keyParts(context) else { return nil }
    self.init(
      verb: declaration.name, base: base, table: table, arguments: arguments, defaults: defaults,
      inputs: Deferred(made: parts), execution: execution, effort: nil)
  }

  /// The same call, once it has found or made a model, or reported.
  func done(
    _ effort: Effort, making model: (any StorableModel)? = nil, by verb: any ReproducibleVerb
  ) -> Provenance {
    Provenance(
      verb: self.verb, base: base, table: table, arguments: arguments, defaults: defaults,
      inputs: model.flatMap(verb.inputs) ?? inputs, execution: model?.execution ?? execution,
      effort: effort)
  }

  /// The steps right before this one.
  private var sources: [Provenance] {
    [base].compactMap { $0 } + (table?.steps ?? [])
      + arguments.compactMap { argument in
        if case .model(let step) = argument.value { return step }
        return nil
      }
  }

  /// This step and all before it, each behind those that it builds on, none twice.
  var steps: [Provenance] { Self.steps(behind: [self]) }

  /// These steps and all before them, in such an order, none twice.
  static func steps(behind last: [Provenance]) -> [Provenance] {
    var seen: Set<ObjectIdentifier> = []
    var ordered: [Provenance] = []
    // Chains can be long, so that a stack of our own is walked instead of the program's.
    var pending = last.reversed().map { (step: $0, isReady: false) }
    while let (step, isReady) = pending.popLast() {
      if isReady {
        ordered.append(step)
      } else if seen.insert(ObjectIdentifier(step)).inserted {
        pending.append((step, true))
        pending += step.sources.reversed().map { ($0, false) }
      }
    }
    return ordered
  }

  /// As a script would write it.
  ///
  /// - Parameter name: What an earlier step is called.
  func call(_ name: (Provenance) -> String) -> String {
    let call = Call(
      verb: Name(verb),
      arguments: arguments.compactMap { key, isPositional, value in
        let written: Value
        switch value {
        case .value(let value): written = value
        case .model(let step): written = Value(.variable(Name(name(step))))
        case .absent, .unknown: return nil
        }
        return Argument(key: isPositional ? nil : Name(key), value: written)
      })
    if let table { return "\(Pipe(stages: [.block(table.block(name)), .call(call)]))" }
    return (base.map { "$\(name($0)) | " } ?? "") + "\(call)"
  }
}

/// What a step took.
struct Effort: Sendable {
  /// When the work was done, which was in an earlier run where it comes from the cache.
  var seconds: Double
  var isCached: Bool
  /// Whether the next time the cache will have what it gave.
  var isStage: Bool
}

extension Outcome {
  /// The same with how it came to be.
  func made(by provenance: Provenance?, _ verb: any ReproducibleVerb, _ effort: Effort) -> Outcome {
    guard let provenance else { return self }
    switch self {
    case .model(let model, var report):
      guard var model = model as? any StorableModel else { return self }
      let step = provenance.done(effort, making: model, by: verb)
      model.provenance = step
      report?.provenance = step
      return .model(model, report)
    case .report(var report):
      report.provenance = provenance.done(effort, by: verb)
      return .report(report)
    case .value, .nothing: return self
    }
  }
}

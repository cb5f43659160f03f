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
  /// What was given, by the call, a name or a default; parameters that never change the outcome are left out.
  let arguments: [(key: String, isPositional: Bool, value: RecordedArgument)]
  /// The values of the parameters that were left out and can change the outcome.
  let defaults: [EntryKey.Part]
  /// Hashes of rows and weights, by what they are.
  let inputs: Deferred<[EntryKey.Part]>
  /// What computed: the kind of device, its arithmetic, the precision. Empty before there is a model.
  let execution: String

  private init(
    verb: String, base: Provenance?,
    arguments: [(key: String, isPositional: Bool, value: RecordedArgument)],
    defaults: [EntryKey.Part], inputs: Deferred<[EntryKey.Part]>, execution: String
  ) {
    self.verb = verb
    self.base = base
    self.arguments = arguments
    self.defaults = defaults
    self.inputs = inputs
    self.execution = execution
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
    var execution = ""
    if case .model(let model) = context.input {
      guard let model = model as? any StorableModel, let known = model.provenance else {
        return nil
      }
      base = known
      execution = model.execution
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
      verb: declaration.name, base: base, arguments: arguments, defaults: defaults,
      inputs: Deferred(made: parts), execution: execution)
  }

  /// The same call, once it has found or made a model.
  func making(_ model: any StorableModel, _ verb: any ReproducibleVerb) -> Provenance {
    Provenance(
      verb: self.verb, base: base, arguments: arguments, defaults: defaults,
      inputs: verb.inputs(found: model) ?? inputs, execution: model.execution)
  }

  /// The steps right before this one.
  private var sources: [Provenance] {
    [base].compactMap { $0 }
      + arguments.compactMap { argument in
        if case .model(let step) = argument.value { return step }
        return nil
      }
  }

  /// This step and all before it, each behind those that it builds on, none twice.
  var steps: [Provenance] {
    var seen: Set<ObjectIdentifier> = []
    var ordered: [Provenance] = []
    // Chains can be long, so that a stack of our own is walked instead of the program's.
    var pending: [(step: Provenance, isReady: Bool)] = [(self, false)]
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
    return (base.map { "$\(name($0)) | " } ?? "") + "\(call)"
  }
}

extension Outcome {
  /// The same with how it came to be.
  func made(by provenance: Provenance?, _ verb: any ReproducibleVerb) -> Outcome {
    guard let provenance else { return self }
    switch self {
    case .model(let model, var report):
      guard var model = model as? any StorableModel else { return self }
      let step = provenance.making(model, verb)
      model.provenance = step
      report?.provenance = step
      return .model(model, report)
    case .report(var report):
      report.provenance = provenance
      return .report(report)
    case .value, .nothing: return self
    }
  }
}

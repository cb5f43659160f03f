import Language

extension Receipt {
  /// Checks that every step does what receipts do and nothing else, before any of them runs: a receipt may come from
  /// anywhere.
  ///
  /// - Throws: `ReceiptFailure.refusedStep` or `.unrepeatable`.
  func check(_ verbs: VerbRegistry) throws {
    var names: Set<String> = []
    for step in steps {
      if let reason = Self.objection(to: step.call, names, verbs) {
        throw ReceiptFailure.refusedStep(step: step.name, reason: reason)
      }
      names.insert(step.name)
    }
    for result in results where !names.contains(result.step ?? "") {
      throw ReceiptFailure.unrepeatable(result: result.name)
    }
  }

  /// What is wrong with a call: it must be one verb on one earlier model, or on a table of earlier reports, its arguments
  /// plain values.
  private static func objection(
    to text: String, _ names: Set<String>, _ verbs: VerbRegistry
  ) -> String? {
    let parsed = parse(Source(name: "receipt", text: text))
    guard parsed.diagnostics.isEmpty, parsed.script.statements.count == 1,
      case .pipe(let pipe) = parsed.script.statements[0]
    else { return "it is not one call" }
    var stages = pipe.stages[...]
    switch stages.first {
    case .reference, .block:
      if let reason = stages.popFirst().flatMap({ objection(to: $0, names) }) { return reason }
    default: break
    }
    guard stages.count == 1, case .call(let call)? = stages.first else {
      return "it is not one call"
    }
    guard verbs.type(call.verb.text) is any ReproducibleVerb.Type else {
      return "`\(call.verb.text)` neither makes nor measures a model"
    }
    return call.arguments.lazy.compactMap { objection(to: $0.value, names) }.first
  }

  /// What is wrong with what a call works on.
  private static func objection(to stage: Stage, _ names: Set<String>) -> String? {
    switch stage {
    case .reference(let reference):
      return reference.suffixes.isEmpty && names.contains(reference.name.text)
        ? nil : "it works on `$\(reference.name.text)`, which no step before it makes"
    case .block(let block):
      guard case .arms(let arms) = block.contents else { break }
      return arms.lazy.compactMap { arm in
        arm.pipe.stages.count == 1 && arm.label.literal != nil
          ? objection(to: arm.pipe.stages[0], names) : "its table is made of more than results"
      }.first
    default: break
    }
    return "its table is made of more than results"
  }

  private static func objection(to value: Value, _ names: Set<String>) -> String? {
    let isPlain = value.suffixes.isEmpty
    switch value.atom {
    case .number where isPlain, .word where isPlain: return nil
    case .string(let text) where isPlain && text.literal != nil: return nil
    case .variable(let name) where isPlain:
      return names.contains(name.text)
        ? nil : "it takes `$\(name.text)`, which no step before it makes"
    case .list(let values) where isPlain:
      return values.lazy.compactMap { objection(to: $0, names) }.first
    case .pipe(let pipe):
      guard pipe.stages.count == 1, case .call(let call) = pipe.stages[0],
        call.verb.text == "dataset",
        call.arguments.allSatisfy({ objection(to: $0.value, []) == nil }),
        value.suffixes.allSatisfy({
          if case .range = $0.kind { return true }
          return false
        })
      else { break }
      return nil
    default: break
    }
    return "`\(value)` is no plain value"
  }
}

import JSON
import Language
import Runtime

/// One question of completion.
struct Completer {
  let session: Session
  let place: CursorPlace
  let end: Int

  typealias Candidate = Completion.Candidate

  var completion: Completion {
    var result = Completion(range: place.start..<max(place.start, end))
    switch place.kind {
    case .stage: result.candidates = fitting(stages)
    case .variable: result.candidates = fitting(variables)
    case .member(let base, let isBracketed):
      result.candidates = fitting(members(of: base, isBracketed: isBracketed))
    case .argument(let call): (result.candidates, result.note) = argument(of: call)
    case .value(let call, let key): (result.candidates, result.note) = value(of: key, in: call)
    case .nothing: break
    }
    return result
  }

  /// The candidates that go on from what is typed; where none does, those that have it in another case, then inside.
  private func fitting(_ candidates: [Candidate]) -> [Candidate] {
    let prefix = place.prefix
    if prefix.isEmpty { return candidates }
    let exact = candidates.filter { $0.text.hasPrefix(prefix) }
    if !exact.isEmpty { return exact }
    let lower = prefix.lowercased()
    let cased = candidates.filter { $0.text.lowercased().hasPrefix(lower) }
    if !cased.isEmpty || prefix.count < 2 { return cased }
    return candidates.filter { $0.text.lowercased().contains(lower) }
  }

  // MARK: Verbs and variables

  private var verbs: [Candidate] {
    let known = session.verbs.all.map { Candidate($0.name, $0.summary) }
    let defined = session.scope.functions.values.map {
      Candidate($0.definition.name.text, $0.definition.summary)
    }
    let new = place.functions.map { Candidate($0, "defined above") }
    return (known + defined.sorted { $0.text < $1.text } + new).uniqued
  }

  private var stages: [Candidate] {
    // Where nothing is typed, the grammar's own words would only be in the way.
    let words = [
      Candidate("each", "each $name in [a b] { … }: a block once for each element", ending: " $"),
      Candidate("def", "def name(parameter, other=4) { … }: a verb of your own"),
    ]
    return verbs + (place.prefix.isEmpty ? [] : words)
  }

  private var variables: [Candidate] {
    let scope = session.scope
    var candidates = place.names.map { Candidate($0, "named above", ending: "") }
    candidates += scope.names.sorted { $0.key < $1.key }.map { name, entry in
      switch entry {
      case .value(let datum): Candidate(name, Self.describe(datum), ending: "")
      case .lazy(let lazy):
        Candidate(name, lazy.call.map { "\($0)" } ?? "in \(lazy.pack.name)", ending: "")
      }
    }
    if scope.model.kind != .nothing {
      let lineage = Self.describe(scope.model)
      candidates.append(Candidate("model", "the current model: \(lineage)", ending: ""))
    }
    if scope.last.kind != .nothing {
      candidates.append(Candidate("_", "the last result: \(Self.describe(scope.last))", ending: ""))
    }
    if let stopped = session.stopped {
      candidates.append(
        Candidate("stopped", "what an interrupt left: \(stopped.model.lineage)", ending: ""))
    }
    for (number, datum) in session.results.sorted(by: { $0.key < $1.key }) {
      candidates.append(Candidate("\(number)", Self.describe(datum), ending: ""))
    }
    return candidates.uniqued
  }

  /// `a table: base, gptq`, `phi → gptq w4`, `4k`.
  static func describe(_ datum: Datum) -> String {
    switch datum {
    case .report(let report):
      return [report.verb, report.value.map(Words.number), report.model].compactMap { $0 }
        .joined(separator: "  ")
    case .table, .list: return "\(datum.kind.phrase): \(datum.text.brief)"
    case .record: return datum.kind.phrase
    case .dataset, .model, .number, .string, .bool: return datum.text.brief
    case .nothing, .pending: return datum.kind.phrase
    }
  }

  private static func describe(_ value: JSON) -> String {
    switch value {
    case .null: "none"
    case .number(let number): Words.number(number)
    default: value.isScalar ? value.shortText.brief : "a list or record"
    }
  }

  // MARK: Arguments

  private func argument(
    of call: CursorPlace.CallSoFar
  ) -> (candidates: [Candidate], note: String?) {
    guard let verb = session.verbs[call.verb] else { return parameters(of: call) }
    var candidates: [Candidate] = []
    let free = verb.parameters.filter {
      $0.isPositional && !call.keys.contains($0.name) && !$0.takesAnyKey
    }
    let next =
      call.values.count < free.count
      ? free[call.values.count] : free.last.flatMap { $0.isVariadic ? $0 : nil }
    if let next {
      candidates = fitting(values(of: next, standard: standard(next, of: call.verb)))
      // A path has places that no list of names has.
      if candidates.isEmpty || !place.prefix.isEmpty { candidates += paths(next) }
    }
    // What must come first is offered first.
    if !place.isQuoted, candidates.isEmpty || next?.isRequired != true {
      candidates += fitting(
        verb.parameters.filter {
          !$0.isVariadic && !$0.takesAnyKey && !call.keys.contains($0.name) && !$0.isRequired
        }.map { Candidate($0.name, hint($0, of: call.verb), ending: "=") })
    }
    if call.verb == Defaults.name, !call.values.isEmpty { candidates += defaults(of: call) }
    let note = next.map { "\($0.name): \(hint($0, of: call.verb))" }
    return (candidates.uniqued, candidates.isEmpty ? note ?? verb.usage : nil)
  }

  /// Keys of the verb whose defaults are being set.
  private func defaults(of call: CursorPlace.CallSoFar) -> [Candidate] {
    guard let verb = call.values.first.flatMap({ session.verbs[$0] }) else { return [] }
    return fitting(
      verb.parameters.filter { !$0.isVariadic && !$0.takesAnyKey && !call.keys.contains($0.name) }
        .map { Candidate($0.name, $0.explanation, ending: "=") })
  }

  private func value(
    of key: String, in call: CursorPlace.CallSoFar
  ) -> (candidates: [Candidate], note: String?) {
    // `defaults quantize bits=` speaks of the parameters of `quantize`.
    let name = call.verb == Defaults.name ? call.values.first ?? "" : call.verb
    guard let verb = session.verbs[name],
      let parameter = verb.parameters.first(where: { $0.name == key && !$0.takesAnyKey })
    else { return ([], nil) }
    let standard = standard(parameter, of: name)
    let candidates = fitting(values(of: parameter, standard: standard)) + paths(parameter)
    return (
      candidates.uniqued,
      candidates.isEmpty ? "\(parameter.name): \(hint(parameter, of: name))" : nil
    )
  }

  /// What a parameter is, with its default.
  private func hint(_ parameter: ParameterDeclaration, of verb: String) -> String {
    parameter.explanation(standard: standard(parameter, of: verb))
  }

  /// What stands where nothing is given: what a pack or the session set, or else the verb's own.
  private func standard(_ parameter: ParameterDeclaration, of verb: String) -> String? {
    let setting = session.scope.defaults[verb]?.last { $0.argument.key?.text == parameter.name }
    return setting.map { "\($0.argument.value)" } ?? parameter.defaultText
  }

  /// The parameters of a definition.
  private func parameters(
    of call: CursorPlace.CallSoFar
  ) -> (candidates: [Candidate], note: String?) {
    guard let function = session.scope.functions[call.verb] else { return ([], nil) }
    let definition = function.definition
    let left = definition.parameters.enumerated().filter { index, parameter in
      index >= call.values.count && !call.keys.contains(parameter.name.text)
    }
    let candidates = fitting(
      left.map { _, parameter in
        let type = parameter.type.map { "\($0.text), " } ?? ""
        let value = parameter.defaultValue.map { "default \($0)" } ?? "required"
        return Candidate(parameter.name.text, type + value, ending: "=")
      })
    return (candidates, candidates.isEmpty ? definition.usage : nil)
  }

  /// The values that can be listed.
  private func values(of parameter: ParameterDeclaration, standard: String?) -> [Candidate] {
    if let choices = parameter.choices {
      let hints = parameter.hints
      return choices.enumerated().map { index, choice in
        var hint = index < hints.count ? hints[index] : parameter.summary
        if choice == standard { hint = "default; " + hint }
        return Candidate(choice, hint)
      }
    }
    switch parameter.source {
    case .models:
      return names(madeBy: "load") + session.host.models.map { Candidate($0, "in the cache") }
    case .datasets: return datasets
    case .verbs: return verbs
    case .topics:
      return verbs + Topic.all.map { Candidate($0.name, $0.summary) }
        + [Candidate(Help.topics, "lists the topics")]
    case .packs: return session.availablePacks.map { Candidate($0, "a pack") }
    case .files, .folders, nil: return []
    }
  }

  /// What bindings call: a pack's models, or datasets.
  private func names(madeBy verb: String) -> [Candidate] {
    let kind: Kind = verb == "load" ? .model : .dataset
    return session.scope.names.sorted { $0.key < $1.key }.compactMap { name, entry in
      switch entry {
      case .lazy(let lazy):
        guard let call = lazy.call, call.verb.text == verb else { return nil }
        return Candidate(name, "\(call)".brief + ", \(lazy.pack.name)")
      case .value(let datum):
        guard datum.kind == kind else { return nil }
        return kind == .model ? nil : Candidate(name, datum.text)
      }
    }
  }

  private var datasets: [Candidate] {
    let names = names(madeBy: "dataset")
    // `wikitext.te`: the splits of what stands before the last dot.
    if let dot = place.prefix.lastIndex(of: "."), dot > place.prefix.startIndex {
      let base = String(place.prefix[..<dot])
      if names.contains(where: { $0.text == base }) {
        return members(of: base, isBracketed: false).map {
          Candidate("\(base).\($0.text)", $0.hint)
        }
      }
    }
    return names + session.host.datasets.map { Candidate($0, "in the cache") }
  }

  private func paths(_ parameter: ParameterDeclaration) -> [Candidate] {
    switch parameter.source {
    case .files, .datasets:
      return PathCompletion(place.prefix, isQuoted: place.isQuoted, onlyFolders: false).candidates
    case .folders, .models:
      return PathCompletion(place.prefix, isQuoted: place.isQuoted, onlyFolders: true).candidates
    case .verbs, .topics, .packs, nil: return []
    }
  }

  // MARK: Parts of values

  /// What may stand behind a value's dot or bracket.
  private func members(of base: String, isBracketed: Bool) -> [Candidate] {
    guard let datum = evaluated(base) else { return [] }
    let closing = isBracketed ? (place.isQuoted ? "\"]" : "]") : ""
    func keys(_ object: JSONObject) -> [Candidate] {
      isBracketed
        ? []
        : object.map { key, value in
          Candidate(key, Self.describe(value), ending: "")
        }
    }
    switch datum {
    case .report(let report):
      if case .object(let object) = report.json { return keys(object) }
      return []
    case .record(let object): return keys(object)
    case .model(let model):
      return keys(model.fields)
        + (isBracketed ? [] : [Candidate("lineage", model.lineage, ending: "")])
    case .table(let table):
      return table.rows.compactMap { row in
        let isName = row.label.isName
        if isBracketed {
          let text = place.isQuoted || isName ? row.label : "\"\(row.label)\""
          return Candidate(text, Self.describe(row.result), ending: closing)
        }
        return isName ? Candidate(row.label, Self.describe(row.result), ending: "") : nil
      }
    case .dataset(let dataset):
      return isBracketed ? [] : dataset.splits.map { Candidate($0, "a split of \(dataset.name)") }
    default: return []
    }
  }

  /// A value that is already there; nothing is run for it.
  private func evaluated(_ text: String) -> Datum? {
    let interpreter = Interpreter(session, mode: .check)
    interpreter.isStrict = true
    let scope = session.scope
    if !text.hasPrefix("$") { return try? interpreter.dataset(named: text, in: scope) }
    guard let script = try? parse(Source(name: "", text: text)).get(),
      case .pipe(let pipe) = script.statements.first,
      case .reference(let reference) = pipe.stages.first
    else { return nil }
    return try? interpreter.evaluate(
      Value(.variable(reference.name), suffixes: reference.suffixes, span: reference.span),
      in: scope)
  }
}

extension [Completion.Candidate] {
  /// The first of each text.
  fileprivate var uniqued: [Completion.Candidate] {
    var seen: Set<String> = []
    return filter { seen.insert($0.text).inserted }
  }
}

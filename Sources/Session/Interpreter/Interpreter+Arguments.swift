import Language
import Runtime

/// An argument with all that is needed to evaluate it and to blame it.
struct BoundArgument {
  var place: Int
  var verb: VerbDeclaration
  /// The key that it was given by.
  var key: String?
  var value: Value
  var origin: ArgumentOrigin
  /// The pack that wrote it.
  var pack: Pack?
  /// Where to point when something is wrong with it.
  var span: Span
  /// Says where it comes from, if that is not the call.
  var source: (() -> String)?

  var parameter: ParameterDeclaration { verb.parameters[place] }
  var notes: [String] { source.map { [$0()] } ?? [] }
}

/// The arguments of one call, after binding.
struct BoundArguments {
  var arguments: [BoundArgument] = []
  /// Whether all values are known and were taken.
  var isKnown = true
  var alias: String?
  /// The places of defaults that the call has no use for.
  var unneeded: Set<Int> = []
  /// The alias, where a pack gave it: models go by that.
  var packName: String?

  /// The defaults that packs and the script set and that applied here; the prelude's are no news.
  var notes: [String] {
    var texts: [(of: String, text: String)] = []
    for argument in arguments {
      guard case .defaults(let pack) = argument.origin, pack != StandardLibrary.prelude,
        !unneeded.contains(argument.place)
      else { continue }
      texts.append((pack ?? "this session", "\(argument.parameter.name)=\(argument.value)"))
    }
    var notes: [String] = []
    for owner in texts.map(\.of) where !notes.contains(where: { $0.hasPrefix(prefix(owner)) }) {
      let own = texts.filter { $0.of == owner }.map(\.text).joined(separator: " ")
      notes.append(prefix(owner) + own)
    }
    return notes
  }

  private func prefix(_ owner: String) -> String { "defaults of \(owner): " }
}

extension Interpreter {
  /// Finds every argument of a call, the ones of the name that it is about and the defaults included, and fills the
  /// verb's slots. What is wrong is added to `problems`.
  func bind(
    _ made: VerbCall, _ declaration: VerbDeclaration, _ call: Call, alias: String?,
    in scope: Scope, _ problems: inout [Diagnostic]
  ) throws -> BoundArguments {
    let matching = Matching(call, declaration.shapes, usage: declaration.shortUsage)
    problems += matching.problems
    var bound = BoundArguments()
    bound.alias = alias
    bound.packName = scope.pack == nil ? nil : alias
    bound.arguments = matching.matched.map { match in
      BoundArgument(
        place: match.parameter, verb: declaration, key: match.argument.key?.text,
        value: match.argument.value, origin: .given, pack: scope.pack,
        span: match.argument.value.span)
    }
    try expandName(&bound, declaration, call, in: scope)
    addDefaults(&bound, declaration, call, in: scope)

    var variadic: [Datum] = []
    var keyed: [Datum] = []
    // Most arguments are of one text, and so are their paths.
    var inner = scope
    var conversion = conversion(in: scope, alias: bound.packName)
    for argument in bound.arguments {
      let parameters = declaration.parameters
      let place = argument.place
      // Given arguments stand first, so that they are known when a default is asked for.
      var isNeeded = true
      if case .defaults = argument.origin { isNeeded = made.verb.needs(parameters[place].name) }
      if !isNeeded { bound.unneeded.insert(place) }
      do {
        if inner.pack !== argument.pack {
          inner.pack = argument.pack
          conversion = self.conversion(in: inner, alias: bound.packName)
        }
        let datum = try evaluate(argument.value, in: inner)
        if parameters[place].takesAnyKey, let key = argument.key {
          keyed.append(.list([.string(key), datum]))
          if !datum.isKnown { bound.isKnown = false }
          continue
        }
        if parameters[place].isVariadic, argument.origin == .given {
          variadic.append(datum)
          if !datum.isKnown { bound.isKnown = false }
          continue
        }
        try take(datum, for: argument, made.slots[place], conversion, &bound)
      } catch let error as Interruption {
        throw error
      } catch {
        // A default that nobody asked for, and that this call has no use for, may be out of reach.
        if isNeeded { problems.append(diagnose(error, argument, declaration)) }
      }
    }
    for argument in bound.arguments where bound.isKnown && !(variadic.isEmpty && keyed.isEmpty) {
      let parameter = argument.parameter
      guard let values = parameter.isVariadic ? variadic : parameter.takesAnyKey ? keyed : nil,
        !values.isEmpty
      else { continue }
      do {
        try made.slots[argument.place].assign(
          .list(values), .given, self.conversion(in: scope, alias: bound.packName))
      } catch { problems.append(diagnose(error, argument, declaration)) }
    }
    for place in declaration.required
    where !bound.arguments.contains(where: { $0.place == place }) {
      let parameter = declaration.parameters[place]
      let choices = parameter.choices.map { ["there is \(alternatives($0))"] }
      let article = "aeiou".contains(parameter.noun.first ?? "x") ? "an" : "a"
      let wanted = parameter.hasNoun ? "\(article) \(parameter.noun)" : "`\(parameter.name)`"
      problems.append(
        Diagnostic(
          code: "bind.missing", "`\(declaration.name)` needs \(wanted)",
          at: call.verb.span.after, label: "<\(parameter.name)> is missing",
          help: declaration.shortUsage, notes: choices ?? [],
          change: declaration.positional.first == place
            ? declaration.example(of: parameter).map {
              Correction(inserting: " \($0)", behind: call.verb.span)
            } : nil))
    }
    if !problems.isEmpty { bound.isKnown = false }
    return bound
  }

  /// Fills a slot, or checks the kind of what is not known yet.
  private func take(
    _ datum: Datum, for argument: BoundArgument, _ slot: any AnyParameterSlot,
    _ conversion: Conversion, _ bound: inout BoundArguments
  ) throws {
    guard datum.isKnown else {
      bound.isKnown = false
      guard datum.kind.mayBe(argument.parameter.accepted) else {
        throw Mismatch(expected: argument.parameter.typePhrase, found: datum)
      }
      return
    }
    do {
      try slot.assign(datum, argument.origin, conversion)
    } catch let error as NotYetKnown {
      bound.isKnown = false
      guard error.kind.mayBe(argument.parameter.accepted) else {
        throw Mismatch(expected: argument.parameter.typePhrase, found: .pending(error.kind))
      }
    }
  }

  /// `load phi` where a pack says `phi = load ./phi dtype=f32`: the arguments of that call, below the given ones.
  private func expandName(
    _ bound: inout BoundArguments, _ declaration: VerbDeclaration, _ call: Call,
    in scope: Scope
  ) throws {
    var seen: Set<String> = []
    while let place = declaration.positional.first,
      let index = bound.arguments.firstIndex(where: { $0.place == place })
    {
      let argument = bound.arguments[index]
      guard argument.value.suffixes.isEmpty else { return }
      switch argument.value.atom {
      case .word, .string, .variable: break
      default: return
      }
      var inner = scope
      inner.pack = argument.pack
      guard case .string(let name)? = try? evaluate(argument.value, in: inner),
        case .lazy(let binding)? = scope.names[name], let named = binding.call,
        named.verb.text == declaration.name, seen.insert(name).inserted
      else { return }
      let below = Matching(named, declaration.shapes, usage: declaration.shortUsage)
      if let problem = below.problems.first { throw problem }
      bound.arguments.remove(at: index)
      for match in below.matched
      where !bound.arguments.contains(where: { $0.place == match.parameter }) {
        bound.arguments.append(
          BoundArgument(
            place: match.parameter, verb: declaration, value: match.argument.value,
            origin: .name(name), pack: binding.pack, span: argument.span,
            source: { "`\(name)` is `\(named)` in \(binding.pack.name)" }))
      }
      if seen.count == 1 {
        bound.alias = name
        bound.packName = name
      }
    }
  }

  private func addDefaults(
    _ bound: inout BoundArguments, _ declaration: VerbDeclaration, _ call: Call, in scope: Scope
  ) {
    for setting in scope.defaults[declaration.name] ?? [] {
      guard let key = setting.argument.key,
        let place = declaration.parameters.firstIndex(where: { $0.name == key.text }),
        !bound.arguments.contains(where: { $0.place == place })
      else { continue }
      let owner = setting.pack?.name
      bound.arguments.append(
        BoundArgument(
          place: place, verb: declaration, value: setting.argument.value,
          origin: .defaults(pack: owner), pack: setting.pack, span: call.verb.span,
          source: {
            "the default `\(key.text)=\(setting.argument.value)` comes from "
              + (owner ?? "line \(key.span.line)")
          }))
    }
  }

  /// Where in a list a word stands.
  func element(_ word: String, of argument: BoundArgument) -> Span? {
    guard argument.origin == .given, case .list(let values) = argument.value.atom else {
      return nil
    }
    return values.first { value in
      switch value.atom {
      case .word(let name): name.text == word
      case .string(let text): text.literal == word
      case .number(let number): number.text == word
      default: false
      }
    }?.span
  }

  /// What is wrong with an argument, at its place.
  func diagnose(
    _ error: any Error, _ argument: BoundArgument, _ declaration: VerbDeclaration
  ) -> Diagnostic {
    let parameter = argument.parameter
    let name = parameter.name
    switch error {
    case let mismatch as Mismatch:
      return Diagnostic(
        code: "bind.type", "`\(name)` takes \(mismatch.expected), not \(mismatch.found)",
        at: argument.span, label: mismatch.label, help: mismatch.help ?? declaration.shortUsage,
        notes: argument.notes, change: argument.becoming(parameter.allowed(mismatch.instead)))
    case let choice as ChoiceFailure:
      let span = element(choice.found, of: argument) ?? argument.span
      var diagnostic = Diagnostic(
        code: "bind.choice", choice.message, at: span, help: declaration.shortUsage,
        notes: argument.notes + (choice.note.map { [$0] } ?? []), meant: choice.meant,
        change: argument.becoming(choice.meant ?? choice.instead, at: span))
      // Where the word comes from a variable there is nothing to replace.
      if diagnostic.change == nil { diagnostic.meant = nil }
      return diagnostic
    case let range as RangeFailure:
      return Diagnostic(
        code: "bind.range", range.message, at: argument.span, help: declaration.shortUsage,
        notes: argument.notes, change: argument.becoming(range.instead))
    default:
      var diagnostic = Diagnostic(error, at: argument.span)
      if argument.origin != .given {
        diagnostic.span = argument.span
        diagnostic.notes += argument.notes
        diagnostic.meant = nil
      }
      return diagnostic
    }
  }
}

extension BoundArgument {
  /// The change that puts a text in the argument's place; nil where the script does not hold the argument as such.
  func becoming(_ text: String?, at span: Span? = nil) -> Correction? {
    guard let text, !text.isEmpty, origin == .given, pack == nil else { return nil }
    if case .variable = value.atom { return nil }
    return Correction(replacing: span ?? self.span, with: text)
  }
}

extension VerbDeclaration {
  /// A value for a positional parameter, as the verb's own examples have it.
  func example(of parameter: ParameterDeclaration) -> String? {
    guard let place = positional.firstIndex(where: { parameters[$0].name == parameter.name }) else {
      return nil
    }
    for example in examples {
      for call in parse(Source(name: "", text: example.script)).script.calls
      where call.verb.text == name {
        let values = call.arguments.filter { $0.key == nil }
        guard values.indices.contains(place) else { continue }
        return "\(values[place].value)"
      }
    }
    return nil
  }
}

extension Script {
  /// The calls at the top level.
  fileprivate var calls: [Call] {
    statements.flatMap { statement -> [Call] in
      let pipe: Pipe
      switch statement {
      case .pipe(let own): pipe = own
      case .binding(let binding):
        guard case .pipe(let own) = binding.right else { return [] }
        pipe = own
      case .definition: return []
      }
      return pipe.stages.compactMap { stage in
        if case .call(let call) = stage { return call }
        return nil
      }
    }
  }
}

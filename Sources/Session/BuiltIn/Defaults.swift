import Language

/// `defaults quantize group=32`: what a verb takes where a call gives nothing.
struct Defaults: Directive {
  static let name = "defaults"
  static let summary =
    "sets a verb's defaults for the session or a pack; reports say when they apply"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("defaults expect below=30", "from here on `expect` means `expect below=30`"),
    Example(
      "defaults quantize group=32 bits=3; help quantize", "several at once; `help` shows them",
      setup: "use demo"),
  ]
  static let seeAlso = ["use"]

  @Arg("verb", "whose defaults") var verb: String
  @AnyKeys("settings", "its parameters") var settings: [Datum]

  static func apply(
    _ call: Call, _ interpreter: Interpreter, _ scope: inout Scope
  ) throws -> Datum {
    let usage = "defaults VERB KEY=VALUE…"
    guard let first = call.arguments.first, first.key == nil,
      case .word(let verb) = first.value.atom,
      first.value.suffixes.isEmpty
    else {
      throw Diagnostic(
        code: "bind.missing", "`defaults` needs a verb", at: call.verb.span.after, help: usage)
    }
    guard let declaration = interpreter.session.verbs[verb.text] else {
      let near = didYouMean(verb.text, among: interpreter.session.verbs.names)
      throw Diagnostic(
        code: "bind.verb", "no verb `\(verb.text)`", at: verb.span,
        help: usage, meant: near)
    }
    var settings = scope.defaults[verb.text] ?? []
    for argument in call.arguments.dropFirst() {
      guard let key = argument.key else {
        throw Diagnostic(
          code: "bind.parameter", "a default has a key", at: argument.span, help: usage)
      }
      settings.removeAll { $0.argument.key?.text == key.text }
      settings.append(DefaultSetting(argument: argument, pack: scope.pack))
    }
    // A pack's settings are looked at where they apply, so that reading it opens nothing.
    if scope.pack == nil {
      let keyed = Call(
        verb: verb, arguments: Array(call.arguments.dropFirst()), span: call.span)
      try interpreter.checkSettings(keyed, declaration, in: scope)
    }
    scope.defaults[verb.text] = settings
    return .nothing
  }
}

extension Interpreter {
  /// Checks arguments as a call of the verb would, without asking for the others.
  fileprivate func checkSettings(
    _ call: Call, _ declaration: VerbDeclaration, in scope: Scope
  ) throws {
    var alone = scope
    alone.defaults[declaration.name] = nil
    var problems: [Diagnostic] = []
    _ = try bind(VerbCall(declaration.type), declaration, call, alias: nil, in: alone, &problems)
    problems.removeAll { $0.code == "bind.missing" }
    guard let first = problems.first else { return }
    guard collects else { throw first }
    for problem in problems { record(problem) }
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Defaults.self, in: $0) }

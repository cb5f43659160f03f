import Language

/// `seed 7`: what every verb that draws numbers takes where a call gives no seed.
struct SeedVerb: Directive {
  static let name = "seed"
  static let summary = "set the default of every seed= from now on"
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("seed 7", "every verb that draws numbers uses 7 unless told otherwise"),
    Example(
      "seed 7; load phi weights=random", "weights that are the same for everybody",
      setup: "use demo"),
  ]
  static let seeAlso = ["defaults", "finetune", "generate"]

  @Arg("number", "the seed", range: 0...) var seed: Int

  static func apply(
    _ call: Call, _ interpreter: Interpreter, _ scope: inout Scope
  ) throws -> Datum {
    let verbs = interpreter.session.verbs
    guard let declaration = verbs[name] else { return .nothing }
    var problems: [Diagnostic] = []
    _ = try interpreter.bind(
      VerbCall(declaration.type), declaration, call, alias: nil, in: scope, &problems)
    if let first = problems.first {
      guard interpreter.collects else { throw first }
      for problem in problems { interpreter.record(problem) }
    }
    guard problems.isEmpty, let argument = call.arguments.first else { return .nothing }
    let setting = DefaultSetting(
      argument: Argument(
        key: Name("seed", span: argument.span), value: argument.value, span: argument.span),
      pack: scope.pack)
    for verb in verbs.all where verb.parameters.contains(where: { $0.name == "seed" }) {
      scope.defaults[verb.name, default: []].removeAll { $0.argument.key?.text == "seed" }
      scope.defaults[verb.name, default: []].append(setting)
    }
    return .nothing
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(SeedVerb.self, in: $0) }

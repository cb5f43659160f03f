import Language

/// `use demo`: takes a pack's names and defaults over.
struct Use: Directive {
  static let name = "use"
  static let summary = "takes over the names and defaults of a pack, such as `demo`"
  static let details = """
    A pack is a file of the standard library or your own (`use my.olv`). It names models and datasets, defines verbs \
    in the language itself, and sets defaults. What it names replaces what had the name before.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.nothing
  static let examples = [
    Example("use demo", "the small models and data that ship with olv"),
    Example("use demo; load llama", "`llama` is now the small one"),
  ]
  static let seeAlso = ["defaults"]

  @Arg(variadic: "names", "the packs, in order", noun: "pack") var names: [String]

  static func apply(
    _ call: Call, _ interpreter: Interpreter, _ scope: inout Scope
  ) throws -> Datum {
    guard !call.arguments.isEmpty else {
      throw Diagnostic(
        code: "bind.missing", "`use` needs a pack", at: call.verb.span.after,
        help: UnknownPack(name: "", known: interpreter.session.availablePacks, looked: []).help)
    }
    for argument in call.arguments {
      if let key = argument.key {
        throw Diagnostic(
          code: "bind.parameter", "`use` has no parameter `\(key.text)`", at: key.span,
          help: "use demo")
      }
      let datum = try interpreter.evaluate(argument.value, in: scope)
      if case .pending = datum { continue }
      guard case .string(let name) = datum else {
        throw Diagnostic(
          code: "bind.type", "`use` takes a pack's name, not \(datum.quoted)",
          at: argument.value.span)
      }
      do {
        try interpreter.use(
          name.hasSuffix(".olv") ? interpreter.conversion(in: scope).resolve(name) : name,
          in: &scope)
      } catch {
        throw Diagnostic(error, at: argument.value.span)
      }
    }
    return .nothing
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Use.self, in: $0) }

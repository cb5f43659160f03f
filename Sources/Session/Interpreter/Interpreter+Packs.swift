import Language

extension Interpreter {
  /// Reads a pack's names and defaults into a scope.
  func use(_ name: String, in scope: inout Scope, depth: Int = 0) throws {
    let pack = try session.pack(name)
    guard frames.count < Self.maximumDepth else {
      throw Diagnostic(code: "bind.depth", "packs use each other without end", at: nil)
    }
    frames.append(Frame(name: name, call: pack.script.span))
    defer { frames.removeLast() }
    let outer = scope.pack
    scope.pack = pack
    defer { scope.pack = outer }
    for statement in pack.script.statements {
      switch statement {
      case .definition(let definition):
        try checkName(of: definition)
        scope.functions[definition.name.text] = Function(definition: definition, pack: pack)
      case .binding(let binding):
        scope.names[binding.name.text] = .lazy(LazyBinding(binding, pack: pack))
      case .pipe(let pipe):
        guard pipe.stages.count == 1, case .call(let call) = pipe.stages[0],
          let type = session.verbs.type(call.verb.text) as? any Directive.Type
        else {
          throw Diagnostic(
            code: "bind.pack", "a pack only names things: nothing runs in it", at: pipe.span,
            help: "put it into a `def`")
        }
        _ = try type.apply(call, self, &scope)
      }
    }
    // What was evaluated may have meant other things by the names that are new now.
    for case .lazy(let binding) in scope.names.values { binding.value = nil }
    // What the prelude takes over belongs to it.
    let isPrelude = pack.name == StandardLibrary.prelude || outer?.name == StandardLibrary.prelude
    if !isPrelude, !scope.packs.contains(pack.name) {
      scope.packs.append(pack.name)
    }
  }
}

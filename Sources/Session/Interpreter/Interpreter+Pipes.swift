import Language
import Runtime

/// What a stage hands on, and what to call the stage in a diagnostic.
struct Piped {
  var value: Datum
  var producer: String
}

extension Interpreter {
  /// Runs a pipe on the current model. A stage that yields a model makes it current.
  ///
  /// - Parameter alias: What the pipe's value will be called, where a binding names it.
  func execute(_ pipe: Pipe, in scope: inout Scope, alias: String? = nil) throws -> Datum {
    var piped: Piped?
    for stage in pipe.stages {
      let alias = pipe.stages.count == 1 ? alias : nil
      let value = try attempt(.pending(.anything), at: stage.span) {
        if let piped, piped.value.kind == .nothing {
          throw Diagnostic(
            code: "bind.pipe", "\(piped.producer) yields nothing that could be passed on",
            at: stage.span)
        }
        return try execute(stage, piped: piped, in: &scope, alias: alias)
      }
      switch value {
      case .model, .pending(.model): scope.model = value
      case .pending(.anything) where scope.model.kind == .nothing: scope.model = value
      default: break
      }
      piped = Piped(value: value, producer: producer(stage))
    }
    return piped?.value ?? .nothing
  }

  private func execute(
    _ stage: Stage, piped: Piped?, in scope: inout Scope, alias: String?
  ) throws -> Datum {
    steps += 1
    if mode == .check, steps > Self.maximumSteps { return .pending(.anything) }
    switch stage {
    case .call(let call):
      if let verb = session.verbs[call.verb.text] {
        return try self.call(verb, call, piped: piped, in: &scope, alias: alias)
      }
      if let function = scope.functions[call.verb.text] {
        return try self.call(function, call, piped: piped, in: scope)
      }
      throw unknownVerb(call.verb, in: scope)
    case .reference(let reference):
      guard piped == nil else {
        throw Diagnostic(
          code: "bind.pipe", "a value cannot take what is piped into it", at: reference.span,
          help: "`$\(reference.name.text)` stands first in its pipe")
      }
      return try evaluate(
        Value(.variable(reference.name), suffixes: reference.suffixes, span: reference.span),
        in: scope)
    case .block(let block):
      return try execute(block, piped: piped, in: scope)
    case .each(let each):
      return try execute(each, piped: piped, in: scope)
    }
  }

  private func producer(_ stage: Stage) -> String {
    switch stage {
    case .call(let call): "`\(call.verb.text)`"
    case .reference(let reference): "`$\(reference.name.text)`"
    case .block: "the block"
    case .each: "`each`"
    }
  }

  private func unknownVerb(_ verb: Name, in scope: Scope) -> Diagnostic {
    let known = session.verbs.names + scope.functions.keys.sorted()
    var near = didYouMean(verb.text, among: known)
    for declared in session.verbs.all where declared.type.alsoKnownAs.contains(verb.text) {
      near = declared.name
    }
    var help: String?
    if scope.names[verb.text] != nil {
      help = "`\(verb.text)` is a name, not a verb: write `$\(verb.text)` for its value"
      if session.verbs.contains("load") { help? += ", or `load \(verb.text)` for a model" }
    } else if near == nil {
      help = "`help` lists the verbs"
    }
    return Diagnostic(
      code: "bind.verb", "no verb `\(verb.text)`", at: verb.span,
      help: help, meant: near)
  }

  /// The model that a block or a definition starts from: the piped or else the current one.
  func startingModel(_ piped: Piped?, _ scope: Scope, what: String, at span: Span) throws -> Datum {
    guard let piped else { return scope.model }
    guard piped.value.kind.mayBe([.model]) else {
      throw Diagnostic(
        code: "bind.pipe",
        "\(what) starts from a model, and \(piped.producer) yields \(piped.value.kind.phrase)",
        at: span)
    }
    return piped.value
  }
}

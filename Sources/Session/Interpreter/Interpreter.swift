import Language
import Runtime

/// Walks a script: to check it before anything runs, and then to run it.
///
/// Both walks are one piece of code, so that they cannot disagree. Checking does everything but the verbs' work; what
/// only the work would tell is `Datum.pending`, and errors are collected instead of thrown.
final class Interpreter {
  enum Mode { case check, run }

  /// How deep definitions may call each other.
  static let maximumDepth = 64
  /// How many calls a check looks at; loops and definitions beyond that are looked at when they run.
  static let maximumSteps = 20_000

  let session: Session
  let mode: Mode
  /// What a check found, in the order of finding.
  private(set) var diagnostics: [Diagnostic] = []
  /// Whether anything was shown that `$_` recalls.
  var showedResult = false
  /// What definitions see: the names at the top level when the running statement began.
  var globals = Scope()
  /// The definitions that are being run, outermost first.
  var frames: [Frame] = []
  /// How many calls of definitions are under way: bodies, and also the arguments and defaults on the way into one, and
  /// what a definition within a definition calls while it is being checked.
  var depth = 0
  var steps = 0
  /// Whether what goes wrong is thrown, also in a check: inside of what a name stands for, whose user is to be told.
  var isStrict = false
  /// The stages of the plan that is being made, or watched while it runs.
  var book: StageBook?
  /// Whether verbs are only rehearsed.
  var isRehearsing: Bool { book?.rehearsal != nil }
  /// Whether what goes wrong is recorded and the walk goes on.
  var collects: Bool { mode == .check && !isStrict }

  struct Frame {
    var name: String
    var call: Span
  }

  init(_ session: Session, mode: Mode) {
    self.session = session
    self.mode = mode
  }

  // MARK: Errors

  /// Keeps a finding, once.
  func record(_ diagnostic: Diagnostic) {
    let diagnostic = located(diagnostic)
    let known = diagnostics.firstIndex {
      $0.span == diagnostic.span && $0.message == diagnostic.message
    }
    guard let known else { return diagnostics.append(diagnostic) }
    // What is wrong in a definition whoever calls it needs no call to say so.
    if diagnostic.notes.count < diagnostics[known].notes.count { diagnostics[known] = diagnostic }
  }

  /// Runs a part of the walk. A check records what goes wrong there and goes on with `fallback`.
  func attempt(_ fallback: Datum, at span: Span, _ body: () throws -> Datum) throws -> Datum {
    do {
      return try body()
    } catch let error as Interruption {
      throw error
    } catch is Cancelled {
      throw Interruption(span: span)
    } catch is NotYetKnown where mode == .check {
      return fallback
    } catch {
      let diagnostic = Diagnostic(error, at: span)
      guard collects else { throw located(diagnostic) }
      record(diagnostic)
      return fallback
    }
  }

  /// With a note for the definition that it happened in, and one for the call that began it all.
  private func located(_ diagnostic: Diagnostic) -> Diagnostic {
    guard let inner = frames.last, let outer = frames.first,
      !diagnostic.notes.contains(where: { $0.hasPrefix("in `") })
    else { return diagnostic }
    var result = diagnostic
    for frame in [inner, outer] {
      let note = "in `\(frame.name)`, called on line \(frame.call.line)"
      if result.notes.last != note { result.notes.append(note) }
    }
    return result
  }

  // MARK: Statements

  /// Runs statements one after the other, each on the model that the ones before it left.
  ///
  /// - Returns: What the last one yields. All others' results are shown, the last one's too at the top level.
  func run(
    _ statements: [Statement], in scope: inout Scope, isTopLevel: Bool
  ) throws -> Datum {
    try declare(statements, in: &scope)
    var result = Datum.nothing
    for (index, statement) in statements.enumerated() {
      if mode == .run, Interrupt.isPending { throw Interruption(span: statement.span) }
      if isTopLevel {
        globals = scope
        // Nothing holds on to a model that was replaced.
        if mode == .run, !isRehearsing {
          session.scope = scope
          session.presenter.begin(statement)
        }
      }
      result = try attempt(.pending(.anything), at: statement.span) {
        try execute(statement, in: &scope, isTopLevel: isTopLevel)
      }
      if isTopLevel || index < statements.count - 1 {
        if case .pipe(let pipe) = statement {
          if !recallsOnly(pipe) { show(result, in: &scope) }
        } else if isTopLevel, case .binding = statement, [.report, .table].contains(result.kind) {
          // Inside of a block or definition a name is for what follows there.
          show(result, in: &scope)
        }
      }
    }
    if mode == .check {
      // However long the script is, its definitions are looked at.
      if isTopLevel { steps = 0 }
      try checkDefinitions(among: statements, in: scope)
    }
    return result
  }

  /// Looks into the definitions, called or not. They see the names at the time of a call: also those that are given
  /// below them.
  private func checkDefinitions(among statements: [Statement], in scope: Scope) throws {
    for case .definition(let definition) in statements {
      guard let function = scope.functions[definition.name.text] else { continue }
      globals = scope
      _ = try attempt(.nothing, at: definition.span) {
        try checkBody(of: function, in: scope)
        return .nothing
      }
    }
  }

  /// Makes the definitions known before anything runs, so that they may stand in any order.
  private func declare(_ statements: [Statement], in scope: inout Scope) throws {
    var seen: [String: Name] = [:]
    for case .definition(let definition) in statements {
      let name = definition.name
      _ = try attempt(.nothing, at: name.span) {
        if let first = seen[name.text] {
          throw Diagnostic(
            code: "bind.definition", "`\(name.text)` is defined twice", at: name.span,
            notes: ["it is defined on line \(first.span.line)"])
        }
        try checkName(of: definition)
        return .nothing
      }
      seen[name.text] = name
      scope.functions[name.text] = Function(definition: definition, pack: scope.pack)
    }
  }

  private func execute(
    _ statement: Statement, in scope: inout Scope, isTopLevel: Bool
  ) throws -> Datum {
    switch statement {
    case .definition: return .nothing
    case .binding(let binding):
      let name = binding.name
      let isReserved = name.text == "_" || name.text == "here" || name.text == "args"
      // Also after an error, so that one mistake is reported once.
      var value = Datum.pending(.anything)
      defer {
        // Held twice, the names would be copied for each of them.
        if isTopLevel { globals.names = [:] }
        scope.names[name.text] = .value(value)
      }
      if isReserved {
        throw Diagnostic(
          code: "bind.name", "`\(name.text)` is olv's own name", at: name.span,
          help: "choose another name")
      }
      value = try evaluate(binding, in: &scope)
      if value.kind == .nothing {
        throw Diagnostic(
          code: "bind.nothing", "there is nothing to call `\(name.text)`", at: name.span,
          help: "the right side yields no value")
      }
      return value
    case .pipe(let pipe):
      return try execute(pipe, in: &scope)
    }
  }

  /// Whether a pipe only passes on what was shown last: `plot`, `expect below=9`.
  private func recallsOnly(_ pipe: Pipe) -> Bool {
    pipe.stages.allSatisfy { stage in
      guard case .call(let call) = stage, let type = session.verbs.type(call.verb.text) else {
        return false
      }
      return type.input == .result && type.output == .input
    }
  }

  /// Shows what a statement yields; a model shows itself only through what made it.
  func show(_ value: Datum, in scope: inout Scope) {
    switch value.kind {
    case .nothing, .model: return
    default: break
    }
    scope.last = value
    guard mode == .run else { return }
    showedResult = true
    switch value {
    case .report(let report): session.presenter.show(report)
    case .table(let table): session.presenter.show(table)
    default: session.presenter.show(value)
    }
  }
}

import JSON
import Language
import Runtime

/// `plan { … }`: what the steps would cost.
struct Plan: Directive {
  static let name = "plan"
  static let summary = "say what steps will cost before they run: work, memory, disk and time"
  static let details = """
    The steps are rehearsed: every verb runs as it is, with its own data, on models that have shapes and no numbers. What \
    it asks of the device is counted, and the operations that take most of the time are timed on the device itself, for \
    at most 10 seconds in all; `cache` keeps how long they took. Nothing is loaded, written or shown, and nothing changes.

    A stage that the cache has is said to be cached. Memory is what the process holds at most, or the GPU's. Where that is \
    more than there is, the plan says so, with the parameter to change.

    run=yes then runs the steps and puts what they took beside. `olv plan FILE` plans a whole script. \
    `load NAME weights=random` needs the shape of a model only, so that one can be planned that is not there yet.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.report
  static let examples = [
    Example(
      "plan { quantize gptq samples=8 | ppl tiny-codes[5000:5002] }",
      "a pipeline from the current model", setup: "use demo; load phi"),
    Example(
      "plan run=yes { finetune tiny-codes steps=2 batch=1 length=32 eval=no }",
      "what it will take, and what it then took", setup: "use demo; load phi"),
  ]
  static let seeAlso = ["cache", "load", "device"]
  static let alsoKnownAs = ["estimate", "forecast", "dry-run", "cost"]

  @Opt("run", "run the steps afterwards, and put what they took beside") var runs: Bool = false

  static func apply(
    _ call: Call, _ interpreter: Interpreter, _ scope: inout Scope
  ) throws -> Datum {
    guard let body = call.body else {
      throw Diagnostic(
        code: "plan.steps", "`plan` needs the steps to plan", at: call.verb.span.after,
        label: "{ … } is missing", help: "`plan { quantize gptq | ppl }`, or `olv plan FILE`")
    }
    let made = VerbCall(Plan.self)
    guard let declaration = interpreter.session.verbs[name] else { return .nothing }
    var problems: [Diagnostic] = []
    _ = try interpreter.bind(made, declaration, call, alias: nil, in: scope, &problems)
    if let first = problems.first {
      guard interpreter.collects else { throw first }
      for problem in problems { interpreter.record(problem) }
    }
    if interpreter.mode == .check {
      try interpreter.walk(body, in: scope)
      return .pending(.report)
    }
    guard let verb = made.verb as? Plan else { return .nothing }
    if interpreter.book != nil {
      // Within another plan its steps count, and what it would say does not.
      if verb.runs { try interpreter.walk(body, in: scope) }
      return .report(Report())
    }
    return .report(try interpreter.plan(body, runs: verb.runs, in: scope))
  }
}

extension Interpreter {
  /// Runs the steps of a plan as at the top level, for what they cost alone.
  func walk(_ body: Block, in scope: Scope) throws {
    var local = scope
    let outer = globals
    defer { globals = outer }
    switch body.contents {
    case .statements(let statements): _ = try run(statements, in: &local, isTopLevel: true)
    case .arms:
      globals = local
      let value = try execute(body, piped: nil, in: local)
      if book != nil { show(value, in: &local) }
    }
  }

  func plan(_ body: Block, runs: Bool, in scope: Scope) throws -> Report {
    let start = ContinuousClock.now
    let presenter = session.presenter
    func stamped(_ report: Report) -> Report {
      var report = report
      report.verb = Plan.name
      report.label = scope.label
      report.device = session.host.device
      report.seconds = ContinuousClock.now - start
      report.pack = scope.packs.isEmpty ? nil : scope.packs.joined(separator: " ")
      return report
    }
    let (book, room) = try session.host.rehearse(by: session.engine()) { rehearsal in
      let book = StageBook(rehearsal, host: session.host)
      try session.quietly {
        let inner = Interpreter(session, mode: .run)
        (inner.book, inner.frames, inner.depth) = (book, frames, depth)
        try Progress.listening({ _ in }) {
          try inner.walk(body, in: scope.rehearsed(rehearsal))
        }
      }
      try book.finish { presenter.progress($0) }
      return (book, rehearsal.room)
    }
    let planning: Double = ContinuousClock.now - start
    let planned = PlanReport(book.lines, room: room, planning: planning, hasRun: false)
    if runs, let failure = planned.refusal {
      // What was found out is worth seeing all the same.
      presenter.show(stamped(planned.report))
      throw failure
    }
    if runs {
      self.book = book
      defer { self.book = nil }
      try walk(body, in: scope)
    }
    return stamped(PlanReport(book.lines, room: room, planning: planning, hasRun: runs).report)
  }

  /// What a rehearsal does in place of a verb's work, or the work itself.
  func work(_ verb: any Verb, _ context: RunContext) throws -> Outcome {
    guard let book, book.rehearsal != nil else { return try verb.run(context) }
    if let verb = verb as? any RehearsedVerb { return try verb.rehearse(context) }
    let type = type(of: verb)
    if type.isRehearsed { return try verb.run(context) }
    if type.takesTime { book.isUnknown() }
    switch type.output {
    case .input: return .value(context.input)
    case .nothing: return .nothing()
    default: return .report(Report())
    }
  }
}

extension Script {
  /// The script as the steps of a `plan`.
  func planned(runs: Bool, of source: Source) -> Script {
    let span = Span(source: source, start: 0, end: source.text.utf8.count)
    var arguments: [Argument] = []
    if runs {
      arguments.append(
        Argument(
          key: Name("run", span: span), value: Value(.word(Name("yes", span: span)), span: span),
          span: span))
    }
    let call = Call(
      verb: Name(Plan.name, span: span), arguments: arguments,
      body: Block(.statements(statements), span: span), span: span)
    var script = self
    script.statements = [.pipe(Pipe(stages: [.call(call)], span: span))]
    script.cells = []
    return script
  }
}

extension Scope {
  /// With the models that a rehearsal works with in place of the real ones.
  func rehearsed(_ rehearsal: any Rehearsal) throws -> Scope {
    var scope = self
    scope.model = try model.rehearsed(rehearsal)
    for (name, entry) in names {
      if case .value(let value) = entry {
        scope.names[name] = .value(try value.rehearsed(rehearsal))
      }
    }
    return scope
  }
}

extension Datum {
  func rehearsed(_ rehearsal: any Rehearsal) throws -> Datum {
    switch self {
    case .model(let model): .model(try rehearsal.rehearsed(model))
    case .list(let elements): .list(try elements.map { try $0.rehearsed(rehearsal) })
    default: self
    }
  }
}

@section("olv_verbs") @used
private let register: VerbEntry = { declare(Plan.self, in: $0) }

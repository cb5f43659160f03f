import Language
import Runtime

/// A verb that changes what names mean instead of doing work: both walks apply it.
protocol Directive: Verb {
  static func apply(_ call: Call, _ interpreter: Interpreter, _ scope: inout Scope) throws -> Datum
}

extension Directive {
  func run(_ context: RunContext) throws -> Outcome { .nothing() }
}

extension Interpreter {
  /// Binds a call of a verb, and runs it unless this is a check.
  func call(
    _ declaration: VerbDeclaration, _ call: Call, piped: Piped?, in scope: inout Scope,
    alias: String?
  ) throws -> Datum {
    if let body = call.body, declaration.type != Plan.self { throw takesNoBlock(call, body) }
    if let directive = declaration.type as? any Directive.Type {
      guard piped == nil else { throw takesNothing(declaration, call) }
      return try directive.apply(call, self, &scope)
    }
    let made = declaration.makeCall()
    var hasRun = false
    defer { if !hasRun { declaration.takeBack(made) } }
    var problems: [Diagnostic] = []
    var input = Datum.pending(.anything)
    do { input = try self.input(declaration, call, piped, scope) } catch {
      problems.append(Diagnostic(error, at: call.verb.span))
    }
    let bound = try bind(made, declaration, call, alias: alias, in: scope, &problems)

    let warnings = Warnings()
    if problems.isEmpty, bound.isKnown {
      do {
        try made.verb.bind(
          BindContext(session: session, input: input, scope: scope, warnings: warnings))
        tell(warnings, of: call, bound)
      } catch {
        problems.append(try explain(error, bound, declaration, call))
      }
    }
    let yields = Datum.pending(declaration.type.output.kind(input: input.kind))
    if !collects, let problem = problems.first { throw problem }
    for problem in problems { record(problem) }
    if mode == .check {
      // What makes a model reports on it.
      if declaration.type.output == .model { scope.last = .pending(.report) }
      let isReady = problems.isEmpty && bound.isKnown
      guard isReady, declaration.type.isDeclarative else { return yields }
    }
    hasRun = true
    do {
      return try perform(made, declaration, call, bound, input: input, in: &scope)
    } catch {
      let problem = try explain(error, bound, declaration, call)
      guard collects else { throw problem }
      record(problem)
      return yields
    }
  }

  /// Runs a bound verb and shows its reports.
  private func perform(
    _ made: VerbCall, _ declaration: VerbDeclaration, _ call: Call, _ bound: BoundArguments,
    input: Datum, in scope: inout Scope
  ) throws -> Datum {
    let notes = Notes()
    let presenter = session.presenter
    let clock = ContinuousClock()
    let start = clock.now
    var cachedSeconds: Double?
    func stamped(_ report: Report, made model: (any ModelValue)? = nil) -> Report {
      guard report.verb.isEmpty else { return report }
      var report = report
      report.verb = declaration.name
      report.label = scope.label
      var subject = model
      if case .model(let taken) = input { subject = subject ?? taken }
      if let subject {
        report.model = report.model ?? subject.lineage
        report.device = report.device ?? session.host.device
      }
      report.seconds = clock.now - start
      report.cachedSeconds = cachedSeconds
      report.notes += notes.lines + notes.remarks + bound.notes
      report.pack = report.pack ?? (scope.packs.isEmpty ? nil : scope.packs.joined(separator: " "))
      return report
    }
    func showAside(_ report: Report) {
      guard mode == .run else { return }
      // Help and the like are read and gone.
      if report.model != nil || report.value != nil {
        showedResult = true
        scope.last = .report(report)
      }
      presenter.show(report)
    }
    let outcome: Outcome
    let warnings = Warnings()
    defer { tell(warnings, of: call, bound) }
    do {
      let context = RunContext(
        session: session, input: input, alias: bound.alias, label: scope.label,
        progress: { presenter.progress($0) }, notes: notes, scope: scope, warnings: warnings,
        book: book)
      func work() throws -> CachedOutcome { try self.outcome(of: made, declaration, context) }
      let cached =
        try book?.observe(declaration, call, label: scope.label, input: input, work) ?? work()
      outcome = cached.outcome
      cachedSeconds = cached.seconds
    } catch let unfinished as Unfinished {
      showAside(stamped(unfinished.report, made: unfinished.model))
      // Who tries again means to start from the model before; what was reached is at hand all the same.
      session.stopped = (unfinished.model, session.history.count)
      throw unfinished.failure
    } catch {
      // What the verb showed on its way stays true.
      for report in notes.shown { showAside(stamped(report)) }
      throw error
    }
    for report in notes.shown { showAside(stamped(report)) }
    switch outcome {
    case .model(let model, let report):
      if let report { showAside(stamped(report, made: model)) }
      return .model(model)
    case .report(let report): return .report(stamped(report))
    case .value(.report(let report)): return .report(stamped(report))
    case .value(let value): return value
    case .nothing(let report):
      if let report { showAside(stamped(report)) }
      return .nothing
    }
  }

  /// What a verb takes, from the pipe or from the session.
  private func input(
    _ declaration: VerbDeclaration, _ call: Call, _ piped: Piped?, _ scope: Scope
  ) throws -> Datum {
    func refused(_ wants: String, help: String? = nil) -> Diagnostic {
      let found = piped.map { "\($0.producer) yields \($0.value.kind.phrase)" } ?? "there is none"
      return Diagnostic(
        code: "bind.input", "`\(declaration.name)` takes \(wants), and \(found)",
        at: call.verb.span, help: help)
    }
    switch declaration.type.input {
    case .nothing:
      guard piped == nil else { throw takesNothing(declaration, call) }
      return .nothing
    case .anything:
      return piped?.value ?? .nothing
    case .model, .optionalModel, .modelOrResult:
      let takesResults = declaration.type.input == .modelOrResult
      if let piped {
        guard piped.value.kind.mayBe(takesResults ? [.model, .report, .table] : [.model]) else {
          let isData = piped.value.kind == .dataset && !takesResults
          throw refused(
            takesResults ? "a model, a report or a table" : "a model",
            help: isData ? "give the dataset as an argument: `$name`" : nil)
        }
        return piped.value
      }
      if declaration.type.input != .optionalModel, scope.model.kind == .nothing {
        throw Diagnostic(
          code: "bind.model", "`\(declaration.name)` needs a model, and none is loaded",
          at: call.verb.span, help: "load a model first: `load phi`",
          change: loadingFirst(call))
      }
      return scope.model
    case .result:
      let value = piped?.value ?? scope.last
      guard value.kind.mayBe([.report, .table]) else {
        throw refused("a report or a table", help: "pipe one into it: `ppl | \(declaration.name)`")
      }
      return value
    }
  }

  private func takesNothing(_ declaration: VerbDeclaration, _ call: Call) -> Diagnostic {
    Diagnostic(
      code: "bind.input", "`\(declaration.name)` takes nothing from the pipe", at: call.verb.span,
      help: "it stands first: put `;` before it", change: parted(call))
  }

  func takesNoBlock(_ call: Call, _ body: Block) -> Diagnostic {
    Diagnostic(
      code: "bind.block", "`\(call.verb.text)` takes no block", at: body.span,
      help: "a block is a stage of its own: `\(call.verb.text) … | { … }`")
  }

  /// `load phi` before a call that begins its line, outside of definitions and blocks.
  private func loadingFirst(_ call: Call) -> Correction? {
    let span = call.verb.span
    let line = span.source.lineRange(span.line)
    guard frames.isEmpty,
      span.source.string(line.lowerBound..<span.start).allSatisfy(\.isWhitespace)
    else { return nil }
    return Correction(
      replacing: Span(source: span.source, start: span.start, end: span.start), with: "load phi; ")
  }

  /// `;` in place of the `|` before a call.
  private func parted(_ call: Call) -> Correction? {
    let span = call.verb.span
    let before = span.source.string(span.source.lineRange(span.line).lowerBound..<span.start)
    guard let pipe = before.lastIndex(of: "|"),
      before[before.index(after: pipe)...].allSatisfy(\.isWhitespace)
    else { return nil }
    let kept = before[..<pipe]
    let blanks = kept.reversed().prefix { $0 == " " }.count
    let start = span.start - before.utf8.count + kept.utf8.count - blanks
    return Correction(
      replacing: Span(source: span.source, start: start, end: span.start), with: "; ")
  }

  /// What went wrong in a verb, at the argument or the call that it is about.
  ///
  /// - Throws: Interrupts, which are nobody's fault.
  private func explain(
    _ error: any Error, _ bound: BoundArguments, _ declaration: VerbDeclaration, _ call: Call
  ) throws -> Diagnostic {
    switch error {
    case let error as Interruption: throw error
    case is Cancelled: throw Interruption(span: call.span)
    case let failure as ArgumentFailure:
      let argument = bound.arguments.first { $0.parameter.name == failure.parameter }
      var span = argument?.span ?? call.verb.span
      if let argument, let found = failure.found { span = element(found, of: argument) ?? span }
      return Diagnostic(
        code: failure.code ?? "\(declaration.name).\(failure.parameter)", failure.message,
        at: span, label: failure.label, help: failure.help ?? declaration.shortUsage,
        notes: argument?.notes ?? [],
        meant: argument?.becoming(failure.meant) == nil ? nil : failure.meant)
    default:
      return Diagnostic(error, at: call.span)
    }
  }
}

/// Seconds of a duration.
func - (end: ContinuousClock.Instant, start: ContinuousClock.Instant) -> Double {
  let parts = start.duration(to: end).components
  return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
}

import Language
import Runtime

extension Interpreter {
  /// Runs a block from the piped or current model: its statements in order, or each of its arms from that model.
  ///
  /// - Returns: What the last statement yields, or the table of the arms.
  func execute(_ block: Block, piped: Piped?, in scope: Scope) throws -> Datum {
    var local = scope
    local.model = try startingModel(piped, scope, what: "a block", at: block.span)
    switch block.contents {
    case .statements(let statements):
      return try run(statements, in: &local, isTopLevel: false)
    case .arms(let arms):
      var branches = Branches(self, local)
      try branches.run(arms, in: local)
      branches.warnOfMixture(at: block.span)
      return branches.table
    }
  }

  /// Runs a block once for each element of a list, each time from the same model.
  ///
  /// - Returns: A table: of the arms, or else keyed by element.
  func execute(_ each: Each, piped: Piped?, in scope: Scope) throws -> Datum {
    var local = scope
    local.model = try startingModel(piped, scope, what: "`each`", at: each.span)
    let over = try evaluate(each.over, in: scope)
    var elements: [Datum]
    switch over {
    case .list(let list): elements = list
    case .pending(let kind) where kind.mayBe([.list]): elements = [.pending(.anything)]
    default:
      throw Diagnostic(
        code: "bind.each", "`each` goes over a list, not \(over.quoted)", at: each.over.span,
        help: "`each $\(each.variable.text) in [a b] { … }`")
    }
    if mode == .check, elements.count > 256 { elements = Array(elements.prefix(256)) }
    var branches = Branches(self, local)
    for element in elements {
      if mode == .check, steps > Self.maximumSteps { break }
      local.names[each.variable.text] = .value(element)
      switch each.body.contents {
      case .arms(let arms): try branches.run(arms, in: local)
      case .statements(let statements):
        let label: Datum = element.isKnown ? .string(element.text) : .pending(.string)
        try branches.run(label, at: each.over.span, in: local) { scope in
          try self.run(statements, in: &scope, isTopLevel: false)
        }
      }
    }
    branches.warnOfMixture(at: each.span)
    return branches.table
  }
}

/// Branches while they run: from one model each, into one table.
private struct Branches {
  private let interpreter: Interpreter
  private var result: Table
  private let start = ContinuousClock.now
  private var labels: Set<String> = []

  init(_ interpreter: Interpreter, _ scope: Scope) {
    self.interpreter = interpreter
    result = Table(label: scope.label)
    if case .model(let model) = scope.model, interpreter.mode == .run {
      result.model = model.lineage
      result.device = interpreter.session.host.device
    }
    result.pack = scope.packs.isEmpty ? nil : scope.packs.joined(separator: " ")
  }

  var table: Datum {
    guard interpreter.mode == .run else { return .pending(.table) }
    var table = result
    table.seconds = ContinuousClock.now - start
    return .table(table)
  }

  /// Rows of one table are read as comparable: says where they are not.
  func warnOfMixture(at span: Span) {
    let rows = result.rows.compactMap { row -> (label: String, report: Report)? in
      guard case .report(let report) = row.result, !report.basis.isEmpty else { return nil }
      return (row.label, report)
    }
    guard let first = rows.first else { return }
    for basis in first.report.basis {
      for row in rows.dropFirst() where row.report.verb == first.report.verb {
        guard let other = row.report.basis.first(where: { $0.what == basis.what }),
          other.identity != basis.identity
        else { continue }
        interpreter.warn(
          Diagnostic(
            .warning, code: "compare.\(basis.what)",
            "`\(first.label)` and `\(row.label)` do not compare: another \(basis.what)", at: span,
            help: basis.advice,
            notes: ["\(first.label): \(basis.text)", "\(row.label): \(other.text)"]))
        break
      }
    }
  }

  mutating func run(_ arms: [Arm], in scope: Scope) throws {
    for arm in arms {
      let interpreter = interpreter
      let label = try interpreter.attempt(.pending(.string), at: arm.label.span) {
        try interpreter.interpolate(arm.label, in: scope)
      }
      try run(label, at: arm.label.span, in: scope) { scope in
        try interpreter.execute(arm.pipe, in: &scope)
      }
    }
  }

  /// One branch.
  mutating func run(
    _ label: Datum, at span: Span, in scope: Scope, _ body: (inout Scope) throws -> Datum
  ) throws {
    if case .string(let text) = label, !labels.insert(text).inserted {
      let duplicate = Diagnostic(
        code: "bind.label", "the label `\(text)` stands twice", at: span,
        help: "labels name the rows of the table")
      guard interpreter.collects else { throw duplicate }
      interpreter.record(duplicate)
    }
    var local = scope
    local.label = scope.labelled(label.text)
    let interpreter = interpreter
    let start = ContinuousClock.now
    let value = try interpreter.attempt(.pending(.anything), at: span) { try body(&local) }
    guard interpreter.mode == .run else { return }
    if case .report(let report) = value { interpreter.session.presenter.show(report) }
    result.rows.append(
      Table.Row(label: label.text, result: value, seconds: ContinuousClock.now - start))
  }
}

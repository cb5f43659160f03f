import Language
import Runtime

extension Interpreter {
  /// Calls a definition on the piped or current model. It sees its parameters and the names of the top level.
  func call(_ function: Function, _ call: Call, piped: Piped?, in scope: Scope) throws -> Datum {
    let definition = function.definition
    let name = definition.name.text
    if let body = call.body { throw takesNoBlock(call, body) }
    guard depth < Self.maximumDepth else {
      throw Diagnostic(
        code: "bind.depth", "definitions call each other more than \(Self.maximumDepth) deep",
        at: call.span, help: "`\(name)` never comes to an end")
    }
    depth += 1
    defer { depth -= 1 }
    var local = try starting(function, piped, in: scope, at: call.verb.span)

    var problems: [Diagnostic] = []
    let matching = Matching(
      call, definition.parameters.map { ParameterShape(name: $0.name.text) },
      usage: definition.usage)
    problems += matching.problems
    var isKnown = true
    for (place, parameter) in definition.parameters.enumerated() {
      let argument = matching.matched.first { $0.parameter == place }?.argument
      var value = Datum.pending(.anything)
      do {
        if let argument {
          value = try typed(evaluate(argument.value, in: scope), parameter, in: scope)
        } else if let given = parameter.defaultValue {
          value = try typed(evaluate(given, in: local), parameter, in: local)
        } else {
          problems.append(
            Diagnostic(
              code: "bind.missing", "`\(name)` needs `\(parameter.name.text)`",
              at: call.verb.span.after, label: "<\(parameter.name.text)> is missing",
              help: definition.usage))
        }
      } catch let error as Interruption {
        throw error
      } catch {
        problems.append(
          Diagnostic(error, at: argument?.value.span ?? call.verb.span))
      }
      isKnown = isKnown && value.isKnown
      local.names[parameter.name.text] = .value(value)
    }
    if let problem = problems.first {
      guard collects else { throw problem }
      for problem in problems { record(problem) }
      return .pending(.anything)
    }
    if mode == .check, !isKnown, frames.contains(where: { $0.name == name }) {
      return .pending(.anything)
    }
    frames.append(Frame(name: name, call: call.span))
    defer { frames.removeLast() }
    return try execute(definition.body, piped: nil, in: local)
  }

  /// Looks for mistakes in a definition's body that no call is needed for.
  func checkBody(of function: Function, in scope: Scope) throws {
    let definition = function.definition
    var local = try starting(function, nil, in: scope, at: definition.name.span)
    local.model = .pending(.anything)
    local.last = .pending(.anything)
    for parameter in definition.parameters {
      var kind = Kind.anything
      if let type = parameter.type {
        guard let known = ParameterType(rawValue: type.text) else {
          record(unknownType(type))
          continue
        }
        kind = known.kind
      }
      if let value = parameter.defaultValue {
        _ = try attempt(.nothing, at: value.span) {
          try typed(evaluate(value, in: local), parameter, in: local)
        }
      }
      local.names[parameter.name.text] = .value(.pending(kind))
    }
    frames.append(Frame(name: definition.name.text, call: definition.name.span))
    let before = frames
    frames = []
    defer { frames = Array(before.dropLast()) }
    _ = try execute(definition.body, piped: nil, in: local)
  }

  /// - Throws: A `Diagnostic` for a name that a verb has.
  func checkName(of definition: Definition) throws {
    let name = definition.name
    if session.verbs.contains(name.text) {
      throw Diagnostic(
        code: "bind.definition", "`\(name.text)` is a verb already", at: name.span,
        help: "choose another name")
    }
  }

  private func starting(
    _ function: Function, _ piped: Piped?, in scope: Scope, at span: Span
  ) throws -> Scope {
    var local = globals
    // What the caller's block defined is visible too, so that its definitions can call each other.
    local.functions.merge(scope.functions) { $1 }
    local.model = try startingModel(
      piped, scope, what: "`\(function.definition.name.text)`", at: span)
    local.last = scope.last
    local.label = scope.label
    local.pack = function.pack
    local.packs = scope.packs
    local.defaults = scope.defaults
    return local
  }

  private func typed(_ value: Datum, _ parameter: Parameter, in scope: Scope) throws -> Datum {
    guard let name = parameter.type else { return value }
    guard let type = ParameterType(rawValue: name.text) else { throw unknownType(name) }
    let mismatch = Diagnostic(
      code: "bind.type", "`\(parameter.name.text)` takes \(type.phrase), not \(value.quoted)",
      at: nil)
    switch (type, value) {
    case (.dataset, .string(let text)): return try dataset(named: text, in: scope)
    case (.int, .number(let quantity)):
      guard quantity.unit == .none, quantity.integer != nil else { throw mismatch }
      return value
    case (.yesno, .string(let text)):
      guard let flag = ["yes": true, "no": false][text] else { throw mismatch }
      return .bool(flag)
    default:
      guard value.kind.mayBe(type.accepted) else { throw mismatch }
      return value
    }
  }

  private func unknownType(_ type: Name) -> Diagnostic {
    let known = ParameterType.allCases.map(\.rawValue)
    let near = didYouMean(type.text, among: known)
    return Diagnostic(
      code: "bind.type", "no type `\(type.text)`", at: type.span,
      help: "a type is \(alternatives(known))", meant: near)
  }
}

/// The types that a definition can give its parameters.
enum ParameterType: String, CaseIterable {
  case any, number, int, text, yesno, list, model, dataset, report, table

  var kind: Kind {
    switch self {
    case .any: .anything
    case .number, .int: .number
    case .text: .string
    case .yesno: .bool
    case .list: .list
    case .model: .model
    case .dataset: .dataset
    case .report: .report
    case .table: .table
    }
  }

  var accepted: [Kind] { self == .yesno || self == .dataset ? [kind, .string] : [kind] }

  var phrase: String { self == .int ? "a whole number" : kind.phrase }
}

extension Definition {
  /// `orders <methods> [steps=100]`
  var usage: String {
    let shown = parameters.map { parameter in
      parameter.defaultValue.map { "[\(parameter.name.text)=\($0)]" } ?? "<\(parameter.name.text)>"
    }
    return ([name.text] + shown).joined(separator: " ")
  }
}

import Language

/// What runs but misleads, said by a verb about one of its arguments or about the call.
struct Warning {
  var code: String
  var message: String
  /// The argument that it points at, or nil for the verb.
  var parameter: String?
  var help: String?
  var notes: [String]
}

/// The warnings of one call, gathered while its verb is bound or runs.
final class Warnings {
  var list: [Warning] = []
}

extension BindContext {
  /// Says that the call runs but misleads. What can be told before the script runs is told from here, before it runs.
  ///
  /// - Parameters:
  ///   - code: A stable name, such as `data.trained-on`.
  ///   - parameter: The argument that it is about; nil: the verb.
  public func warn(
    _ code: String, _ message: String, about parameter: String? = nil, help: String? = nil,
    notes: [String] = []
  ) {
    warnings.list.append(
      Warning(code: code, message: message, parameter: parameter, help: help, notes: notes))
  }
}

extension RunContext {
  /// Says that the call runs but misleads.
  public func warn(
    _ code: String, _ message: String, about parameter: String? = nil, help: String? = nil,
    notes: [String] = []
  ) {
    warnings.list.append(
      Warning(code: code, message: message, parameter: parameter, help: help, notes: notes))
  }
}

extension Interpreter {
  /// Tells what a call's verb warned of: a check keeps it, a run shows it, once.
  func tell(_ warnings: Warnings, of call: Call, _ bound: BoundArguments) {
    for warning in warnings.list {
      let argument = bound.arguments.first { $0.parameter.name == warning.parameter }
      warn(
        Diagnostic(
          .warning, code: warning.code, warning.message, at: argument?.span ?? call.verb.span,
          help: warning.help, notes: warning.notes + (argument?.notes ?? [])))
    }
    warnings.list = []
  }

  /// Keeps or shows a warning, once a script.
  func warn(_ diagnostic: Diagnostic) {
    if isRehearsing { return }
    if mode == .check {
      record(diagnostic)
    } else if session.isNew(diagnostic) {
      session.presenter.show(diagnostic)
    }
  }
}

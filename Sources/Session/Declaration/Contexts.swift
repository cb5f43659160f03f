import Cache
import Language
import Runtime

/// What a verb can see while the script is being checked.
public struct BindContext {
  public let session: Session
  /// What the verb takes, where that is known: a model, a report, a table.
  public let input: Datum
  let scope: Scope
  let warnings: Warnings

  /// The model that the verb will get, where it is known already.
  public var model: (any ModelValue)? {
    if case .model(let model) = input { return model }
    return nil
  }
}

/// What a verb can see and use while it runs.
public struct RunContext {
  public let session: Session
  /// What the verb takes: the piped or current model, a report, a table, or nothing.
  public let input: Datum
  /// The name that the call goes by: of the binding that it makes, or that stands for it (`phi = load …`; `load phi`).
  public let alias: String?
  /// The branch that it runs in, or nil.
  public let label: String?
  /// Where progress goes.
  public let progress: ProgressHandler
  let notes: Notes
  let scope: Scope
  /// Where a long stage keeps what it has done so far, so that one that is killed goes on there. Nil where the cache is off
  /// or the stage has no name in it.
  public internal(set) var workplace: Workplace?
  let warnings: Warnings
  /// Where a plan is being made.
  var book: StageBook?

  /// The model that the verb works on, as the engine's type.
  ///
  /// - Throws: A `Failure` where there is none; for `input` `.model` that cannot be.
  public func model<Model: ModelValue>(as type: Model.Type = Model.self) throws -> Model {
    guard case .model(let model) = input else { throw NoModel() }
    guard let typed = model as? Model else { throw NoModel() }
    return typed
  }

  /// The host as its own type.
  public func host<Owner: Host>(as type: Owner.Type = Owner.self) throws -> Owner {
    guard let host = session.host as? Owner else { throw NoHost() }
    return host
  }

  /// Shows text at once, without a line end of its own: generated text as it comes. Programs that read JSON never see
  /// it, so the report must have it too.
  public func write(_ text: String) { session.presenter.write(text) }

  /// Shows a report before the verb ends. Its common fields are filled in.
  public func show(_ report: Report) { notes.shown.append(report) }

  /// Adds a note to the report that the verb will give.
  public func note(_ text: String) { notes.lines.append(text) }

  /// Adds a note that is about this run alone: it is not there when the report comes from the cache.
  public func remark(_ text: String) { notes.remarks.append(text) }
}

/// What a running verb said on the side.
final class Notes {
  var lines: [String] = []
  /// What is true of this run alone, and not of what it gave.
  var remarks: [String] = []
  var shown: [Report] = []
}

struct NoModel: Failure {
  var message: String { "there is no model to work on" }
  var help: String? { "load a model first: `load phi`" }
}

struct NoHost: Failure {
  var message: String { "this session has no engine" }
}

/// A name that stands for a call: `phi = load ./phi`.
public struct NamedCall: Sendable {
  public var name: String
  /// The call as written.
  public var call: String
  /// The pack that gave the name.
  public var pack: String
}

extension BindContext {
  /// The names that calls of a verb have in the packs: what `models` and `datasets` list, and what a mistyped name may
  /// have meant.
  public func names(for verb: String) -> [NamedCall] { scope.calls(of: verb) }
}

extension RunContext {
  /// The names that calls of a verb have in the packs.
  public func names(for verb: String) -> [NamedCall] { scope.calls(of: verb) }

  /// The packs in use: `demo`.
  public var packs: [String] { scope.packs }
}

extension Scope {
  fileprivate func calls(of verb: String) -> [NamedCall] {
    names.compactMap { name, entry in
      guard case .lazy(let binding) = entry, let call = binding.call, call.verb.text == verb else {
        return nil
      }
      return NamedCall(name: name, call: "\(call)", pack: binding.pack.name)
    }.sorted { $0.name < $1.name }
  }
}

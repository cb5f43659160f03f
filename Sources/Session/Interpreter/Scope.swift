import Language

/// What names mean at one place of a script. A value: a branch works on a copy of it.
struct Scope {
  var names: [String: Entry] = [:]
  var functions: [String: Function] = [:]
  /// By verb, in the order of setting.
  var defaults: [String: [DefaultSetting]] = [:]
  /// The packs in use, apart from the prelude.
  var packs: [String] = []
  /// The current model; `nothing` before the first.
  var model = Datum.nothing
  /// The result shown last: `$_`.
  var last = Datum.nothing
  /// The branch that runs, or nil.
  var label: String?
  /// The pack whose text is being evaluated, or nil for the user's own.
  var pack: Pack?

  func labelled(_ inner: String) -> String { label.map { "\($0) / \(inner)" } ?? inner }
}

/// What a name stands for.
enum Entry {
  case value(Datum)
  /// A pack's binding: evaluated when it is first used.
  case lazy(LazyBinding)
}

/// A binding of a pack. Nothing of it is opened before it is used.
final class LazyBinding {
  let binding: Binding
  let pack: Pack
  var value: Datum?
  var isBeingEvaluated = false

  init(_ binding: Binding, pack: Pack) {
    self.binding = binding
    self.pack = pack
  }

  /// The call that the name stands for, where the binding is one call.
  var call: Call? {
    guard case .pipe(let pipe) = binding.right, pipe.stages.count == 1,
      case .call(let call) = pipe.stages[0]
    else { return nil }
    return call
  }
}

/// A `def`, and the pack that holds it.
struct Function {
  let definition: Definition
  let pack: Pack?
}

/// One `KEY=VALUE` of `defaults`: evaluated where it applies.
struct DefaultSetting {
  let argument: Argument
  let pack: Pack?
}

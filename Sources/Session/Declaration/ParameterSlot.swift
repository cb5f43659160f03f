/// One parameter of one call: its declaration and, once bound, its value.
///
/// A verb is made anew for every call that runs, so that its slots are too.
final class ParameterSlot<Argument: ArgumentType>: AnyParameterSlot {
  /// Made when somebody asks: a call needs it for the arguments that it gives alone.
  private(set) lazy var declaration = declare()
  private var declare: () -> ParameterDeclaration
  private let standard: Argument?
  private var bound: Argument?
  private(set) var origin = ArgumentOrigin.builtIn
  private var isAssigned = false

  init(
    _ name: String, _ summary: String, _ noun: String?, _ unit: String?,
    _ range: (any NumericBounds)?, isPositional: Bool, default value: Argument?,
    choices: @escaping @Sendable () -> [String]?,
    hints: @escaping @Sendable () -> [String] = { [] }, isVariadic: Bool = false,
    takesAnyKey: Bool = false
  ) {
    standard = value
    bound = value
    declare = {
      let text = value?.written
      return ParameterDeclaration(
        name: name, summary: summary, noun: noun ?? name, hasNoun: noun != nil, unit: unit,
        range: range, isPositional: isPositional, isRequired: value == nil, isVariadic: isVariadic,
        takesAnyKey: takesAnyKey,
        defaultText: isVariadic || takesAnyKey || text == "" ? nil : text,
        typePhrase: Argument.phrase, accepted: Argument.accepted,
        choiceList: { choices() ?? Argument.words }, hintList: hints, typeSource: Argument.source)
    }
    MadeSlots.current?.slots.append(self)
  }

  /// The value; the session runs no verb whose required parameters are not bound.
  var value: Argument {
    guard let bound else {
      preconditionFailure("`\(declaration.name)` was read before the call was bound")
    }
    return bound
  }

  var written: String { value.written }
  var recorded: RecordedArgument { value.recorded }
  var models: [any ModelValue] { value.models }

  func assign(_ datum: Datum, _ origin: ArgumentOrigin, _ conversion: Conversion) throws {
    try declaration.checkChoice(datum)
    let value = try Argument.convert(datum, conversion)
    try declaration.checkRange(value.measures, of: datum)
    bound = value
    self.origin = origin
    isAssigned = true
  }

  func reset() {
    guard isAssigned else { return }
    bound = standard
    origin = .builtIn
    isAssigned = false
  }
}

/// A slot whatever its type is.
protocol AnyParameterSlot: AnyObject {
  var declaration: ParameterDeclaration { get }
  var origin: ArgumentOrigin { get }
  /// The bound value as a script would write it.
  var written: String { get }
  var recorded: RecordedArgument { get }
  var models: [any ModelValue] { get }
  /// - Throws: What is wrong with the value; the slot is then as it was.
  func assign(_ datum: Datum, _ origin: ArgumentOrigin, _ conversion: Conversion) throws
  /// Makes it what it was before anything was assigned.
  func reset()
}

/// The slots that are made while a verb is: its properties', in the order of declaration. Asking the verb for them by
/// reflection would take longer than all else that binding a call does. A verb is made on one thread.
final class MadeSlots: @unchecked Sendable {
  @TaskLocal static var current: MadeSlots?
  var slots: [any AnyParameterSlot] = []
}

/// A property wrapper that declares a parameter.
protocol SlotHolder {
  var anySlot: any AnyParameterSlot { get }
}

extension Arg: SlotHolder {
  var anySlot: any AnyParameterSlot { slot }
}

extension Opt: SlotHolder {
  var anySlot: any AnyParameterSlot { slot }
}

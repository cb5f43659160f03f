import Runtime

/// A positional parameter of a verb, in the order of declaration. May also be given by its key.
///
///     @Arg("method", "the algorithm", noun: "quantizer", choices: Methods.names) var method: String
///     @Arg("data", "what to score") var data: DatasetReference?
///
/// Optional, or with a default, it may be left out. `hints` says of each choice what it is.
@propertyWrapper
public struct Arg<Argument: ArgumentType>: DeclaredParameter {
  let slot: ParameterSlot<Argument>

  public var wrappedValue: Argument { slot.value }
  /// `$method.origin`, `$method.failure("…")`.
  public var projectedValue: Arg<Argument> { self }

  public init(
    _ name: String, _ summary: String, noun: String? = nil, unit: String? = nil,
    range: (any NumericBounds)? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) {
    slot = ParameterSlot(
      name, summary, noun, unit, range, isPositional: true, default: nil, choices: choices,
      hints: hints)
  }

  public init(
    wrappedValue: Argument, _ name: String, _ summary: String, noun: String? = nil,
    unit: String? = nil, range: (any NumericBounds)? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) {
    slot = ParameterSlot(
      name, summary, noun, unit, range, isPositional: true, default: wrappedValue, choices: choices,
      hints: hints)
  }

  public init(
    _ name: String, _ summary: String, noun: String? = nil, unit: String? = nil,
    range: (any NumericBounds)? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) where Argument: ExpressibleByNilLiteral {
    slot = ParameterSlot(
      name, summary, noun, unit, range, isPositional: true, default: .some(nil), choices: choices,
      hints: hints)
  }
}

extension Arg {
  /// The last positional parameter, which takes all values that are left: `print "a" $b 3`.
  public init<Element: ArgumentType>(
    variadic name: String, _ summary: String, noun: String? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) where Argument == [Element] {
    slot = ParameterSlot(
      name, summary, noun, nil, nil, isPositional: true, default: [], choices: choices,
      hints: hints, isVariadic: true)
  }
}

/// A parameter of a verb that is given by its key: `bits=4`.
///
///     @Opt("bits", "bits per weight", choices: ["2", "3", "4", "8"]) var bits: Int = 4
///     @Opt("length", "tokens per block", unit: "tokens", range: 1...) var length: Int?
@propertyWrapper
public struct Opt<Argument: ArgumentType>: DeclaredParameter {
  let slot: ParameterSlot<Argument>

  public var wrappedValue: Argument { slot.value }
  /// `$bits.origin`, `$bits.failure("…")`.
  public var projectedValue: Opt<Argument> { self }

  public init(
    wrappedValue: Argument, _ name: String, _ summary: String, noun: String? = nil,
    unit: String? = nil, range: (any NumericBounds)? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) {
    slot = ParameterSlot(
      name, summary, noun, unit, range, isPositional: false, default: wrappedValue,
      choices: choices,
      hints: hints)
  }

  public init(
    _ name: String, _ summary: String, noun: String? = nil, unit: String? = nil,
    range: (any NumericBounds)? = nil,
    choices: @autoclosure @escaping @Sendable () -> [String]? = nil,
    hints: @autoclosure @escaping @Sendable () -> [String] = []
  ) where Argument: ExpressibleByNilLiteral {
    slot = ParameterSlot(
      name, summary, noun, unit, range, isPositional: false, default: .some(nil), choices: choices,
      hints: hints)
  }
}

/// What `Arg` and `Opt` have in common.
public protocol DeclaredParameter {
  associatedtype Argument: ArgumentType
}

extension DeclaredParameter {
  private var own: (any AnyParameterSlot)? { (self as? any SlotHolder)?.anySlot }

  public var name: String { own?.declaration.name ?? "" }
  /// Where the value came from.
  public var origin: ArgumentOrigin { own?.origin ?? .builtIn }
  /// Whether somebody, the script or a default set by it, gave a value.
  public var isGiven: Bool { origin != .builtIn }

  /// Something wrong with this argument, to throw from `bind` or `run`.
  ///
  /// - Parameters:
  ///   - label: A few words behind the carets.
  ///   - meant: What the argument most likely should be, as a script would write it.
  public func failure(
    _ message: String, label: String? = nil, help: String? = nil, meant: String? = nil
  ) -> ArgumentFailure {
    ArgumentFailure(parameter: name, message, label: label, help: help, meant: meant)
  }

  /// What went wrong with this argument below, to throw from `bind` or `run`.
  ///
  /// - Parameter found: The element of a list that it is about.
  public func failure(
    _ failure: any Failure, label: String? = nil, found: String? = nil, meant: String? = nil
  ) -> ArgumentFailure {
    ArgumentFailure(
      parameter: name, failure.message, label: label, help: failure.help,
      code: failure.identifier, found: found, meant: meant ?? failure.meant)
  }
}

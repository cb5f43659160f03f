import Runtime

/// A verb of the language, declared once: parsing, binding, diagnostics, usage and help derive from it.
///
/// A verb is one file. It registers itself there, and nowhere else:
///
///     @section("olv_verbs") @used private let register: VerbEntry = { declare(Quantize.self, in: $0) }
///
/// A verb is made anew for every call; its parameters are bound before `bind` and `run`.
public protocol Verb {
  static var name: String { get }
  /// One line, without a full stop.
  static var summary: String { get }
  /// More, for `? verb`; paragraphs parted by blank lines.
  static var details: String { get }
  /// What it takes from the pipe or the session.
  static var input: VerbInput { get }
  /// What it yields.
  static var output: VerbOutput { get }
  /// Every one of them runs in the tests.
  static var examples: [Example] { get }
  static var seeAlso: [String] { get }
  /// What it implements, as a citation.
  static var paper: String? { get }
  /// Words that people may search it by, or type in its place.
  static var alsoKnownAs: [String] { get }
  /// Whether it may run while a script is being checked: it is quick, changes nothing and needs no current model.
  /// `dataset` is; what it yields is then known before line 1 runs.
  static var isDeclarative: Bool { get }
  /// Whether a plan runs it, on models and reports that are not real. Not what shows, writes, or looks at a number.
  static var isRehearsed: Bool { get }
  /// Whether it takes time that a plan cannot tell, where it is not rehearsed.
  static var takesTime: Bool { get }
  /// What a user can change where it takes too much memory: `a smaller batch=`.
  static var memoryAdvice: String? { get }

  init()

  /// Whether the call, as its given arguments say, needs what a default sets for `parameter`. One that is not needed may
  /// be out of reach, and no report says that it applied.
  func needs(_ parameter: String) -> Bool

  /// Checks what its parameters' declarations cannot say. Called when all arguments are known: before line 1 runs
  /// where possible, and again just before `run`.
  ///
  /// - Throws: `$parameter.failure("…")` to point at an argument, or any other `Failure` to point at the call.
  func bind(_ context: BindContext) throws

  /// Does the work.
  func run(_ context: RunContext) throws -> Outcome
}

extension Verb {
  public static var details: String { "" }
  public static var input: VerbInput { .model }
  public static var output: VerbOutput { .report }
  public static var examples: [Example] { [] }
  public static var seeAlso: [String] { [] }
  public static var paper: String? { nil }
  public static var alsoKnownAs: [String] { [] }
  public static var isDeclarative: Bool { false }
  public static var isRehearsed: Bool { true }
  public static var takesTime: Bool { false }
  public static var memoryAdvice: String? { nil }

  public func needs(_ parameter: String) -> Bool { true }
  public func bind(_ context: BindContext) throws {}
}

/// What a verb takes from the pipe.
public enum VerbInput: String, Sendable {
  /// A model: the piped one, or else the current one.
  case model
  /// The same, but it may do without.
  case optionalModel
  /// A piped report or table too; the current model where nothing is piped.
  case modelOrResult
  /// A report or a table: the piped one, or else the last one shown.
  case result
  /// Whatever is piped, or nothing.
  case anything
  /// Nothing: it stands first in its pipe.
  case nothing
}

/// What a verb yields.
public enum VerbOutput: String, Sendable {
  case model, report, table, dataset, number, string, list, nothing
  /// What it took.
  case input

  func kind(input: Kind) -> Kind {
    self == .input ? input : Kind(rawValue: rawValue) ?? .anything
  }
}

/// What a run of a verb gave.
public enum Outcome: Sendable {
  /// A model, which becomes the current one, and what there is to say about it.
  case model(any ModelValue, Report? = nil)
  case report(Report)
  /// Any other value.
  case value(Datum)
  /// Nothing that could be piped on; a report all the same, where there is something to say.
  case nothing(Report? = nil)
}

/// A line that shows what a verb does. It runs in the tests after `setup`.
public struct Example: Sendable {
  public var script: String
  public var explanation: String
  /// What must have run before, for instance `use demo; load phi`.
  public var setup: String

  public init(_ script: String, _ explanation: String, setup: String = "") {
    self.script = script
    self.explanation = explanation
    self.setup = setup
  }
}

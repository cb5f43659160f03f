import Glibc
import Runtime

/// A type that a verb's argument can have: how a value of the language becomes one.
///
/// Conforming: `Int`, `Double`, `Bool`, `String`, `Datum`, lists and optionals of these, string enums (their cases are
/// the choices), `Path`, `RowRange`, `Fraction`, `ByteCount`, `Seconds`, `ModelSource`, `ModelReference`,
/// `DatasetReference`.
public protocol ArgumentType: Sendable {
  /// In the words of a diagnostic: `a whole number`.
  static var phrase: String { get }
  /// Which kinds of value may become one; checked before the value itself is known.
  static var accepted: [Kind] { get }
  /// The words that may be given, where they are fixed by the type.
  static var words: [String]? { get }
  /// What its values are, where they can be listed without being fixed.
  static var source: ValueSource? { get }

  /// - Throws: `Mismatch` for a value that is none, or any `Failure` that says more.
  static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Self

  /// As a script would write it; defaults are shown with it.
  var written: String { get }
  /// As a receipt tells it: what a script without packs and bindings would write.
  var recorded: RecordedArgument { get }
  /// The models that it is.
  var models: [any ModelValue] { get }
  /// The numbers in it, for range checks.
  var measures: [Double] { get }
}

extension ArgumentType {
  public static var words: [String]? { nil }
  public static var source: ValueSource? { nil }
  public var measures: [Double] { [] }
}

/// A value that an argument does not take.
public struct Mismatch: Failure {
  /// As in `takes …`.
  public var expected: String
  public var found: String
  /// A few words behind the carets.
  public var label: String?
  public var help: String?
  /// What may be tried, as a script would write it.
  public var instead: String?

  public init(
    expected: String, found: Datum, label: String? = nil, help: String? = nil,
    instead: String? = nil
  ) {
    self.expected = expected
    self.found = found.quoted
    self.label = label
    self.help = help
    self.instead = instead
  }

  public var message: String { "expected \(expected), found \(found)" }
}

/// Thrown in place of a value that only the run will tell.
struct NotYetKnown: Failure {
  var kind: Kind
  var message: String { "not known before it runs" }
}

/// What turning values into arguments may need to know.
public struct Conversion {
  /// Where relative paths that begin with a dot start: the folder of the pack that wrote the argument, or nil for the
  /// working directory.
  public var folder: String?
  /// The name that the call goes by: `phi` in `load phi` where a pack says `phi = load …`.
  public var alias: String?
  /// Whether a binding or a pack gave the name.
  public let isName: (String) -> Bool
  /// Finds a dataset by a binding's name, a split of one, a path or what else the host knows.
  public let dataset: (String) throws -> any DatasetValue
  /// Finds a model by a binding's name, or else loads it.
  public let model: (String) throws -> any ModelValue

  /// A path as the process can open it.
  public func resolve(_ path: String) -> String {
    if let folder, path == "." || path == ".." || path.hasPrefix("./") || path.hasPrefix("../") {
      return folder + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }
    if path == "~" || path.hasPrefix("~/"), let home = getenv("HOME") {
      return String(cString: home) + path.dropFirst()
    }
    return path
  }
}

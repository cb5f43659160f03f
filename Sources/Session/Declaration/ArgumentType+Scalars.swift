import JSON
import Language

extension Int: ArgumentType {
  public static var phrase: String { "a whole number" }
  public static var accepted: [Kind] { [.number, .string] }
  public var written: String { String(self) }
  public var measures: [Double] { [Double(self)] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Int {
    var instead: String?
    switch datum {
    case .number(let quantity):
      if quantity.unit == .none, let integer = quantity.integer { return integer }
      // A number that is not whole, or one with a unit that nobody asked for.
      let digits = quantity.text.prefix { "-.0123456789".contains($0) }
      instead = Double(digits).flatMap { Int(exactly: $0.rounded()) }.map(String.init)
    case .string(let text):
      guard let integer = Int(text) else { break }
      return integer
    default: break
    }
    throw Mismatch(expected: phrase, found: datum, instead: instead)
  }
}

extension Double: ArgumentType {
  public static var phrase: String { "a number" }
  public static var accepted: [Kind] { [.number, .string] }
  public var written: String { JSON.number(self).shortText }
  public var measures: [Double] { [self] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Double {
    switch datum {
    case .number(let quantity) where quantity.unit == .none || quantity.unit == .percent:
      return quantity.value
    case .string(let text):
      guard let number = Double(text), number.isFinite else { break }
      return number
    default: break
    }
    throw Mismatch(expected: phrase, found: datum)
  }
}

extension Bool: ArgumentType {
  public static var phrase: String { "`yes` or `no`" }
  public static var accepted: [Kind] { [.bool, .string] }
  public static var words: [String]? { ["yes", "no"] }
  public var written: String { self ? "yes" : "no" }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Bool {
    switch datum {
    case .bool(let value): return value
    case .string("yes"): return true
    case .string("no"): return false
    case .string(let text):
      let meant = ["true": "yes", "on": "yes", "false": "no", "off": "no"][text.lowercased()]
      throw Mismatch(
        expected: phrase, found: datum, label: meant.map { "`\(text)` is written `\($0)`" },
        instead: meant)
    default: throw Mismatch(expected: phrase, found: datum)
    }
  }
}

extension String: ArgumentType {
  public static var phrase: String { "text" }
  public static var accepted: [Kind] { [.string, .number, .bool] }
  public var written: String { isEmpty || contains(" ") ? "\"\(self)\"" : self }
  public var recorded: RecordedArgument { .text(self) }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> String {
    switch datum {
    case .string(let text): return text
    case .number, .bool: return datum.text
    default: throw Mismatch(expected: phrase, found: datum)
    }
  }
}

extension Datum: ArgumentType {
  public static var phrase: String { "a value" }
  public static var accepted: [Kind] { [.anything] }
  public var written: String { text }
  public var recorded: RecordedArgument { .unknown }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Datum { datum }
}

/// A string enum is an argument whose choices are its cases.
extension ArgumentType where Self: RawRepresentable & CaseIterable, RawValue == String {
  public static var phrase: String { alternatives(allCases.map(\.rawValue)) }
  public static var accepted: [Kind] { [.string, .number] }
  public static var words: [String]? { allCases.map(\.rawValue) }
  public var written: String { rawValue }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Self {
    switch datum {
    case .string, .number:
      guard let value = Self(rawValue: datum.text) else { break }
      return value
    default: break
    }
    throw Mismatch(expected: phrase, found: datum)
  }
}

/// `` `a`, `b` or `c` ``; numbers stand without quotes.
func alternatives(_ words: [String]) -> String {
  let quoted = words.map { Double($0) == nil ? "`\($0)`" : $0 }
  guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "nothing" }
  return quoted.dropLast().joined(separator: ", ") + " or " + last
}

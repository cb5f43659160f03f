import Language
import Runtime

/// What is declared about one parameter of a verb.
public final class ParameterDeclaration: Sendable {
  public let name: String
  /// What it means, in a few words.
  public let summary: String
  /// What its values are called in `no quantizer ‘gtpq’`: the name, unless declared.
  public let noun: String
  /// Whether that is more than the name: then a wrong word is `no quantizer …`.
  let hasNoun: Bool
  /// What it counts: `tokens`, `rows`.
  public let unit: String?
  public let range: (any NumericBounds)?
  /// Whether it may stand without its key.
  public let isPositional: Bool
  public let isRequired: Bool
  /// Whether it takes all the positional values that are left.
  public let isVariadic: Bool
  /// Whether it takes all keys that no other parameter has.
  public let takesAnyKey: Bool
  /// As a script would write it; nil where there is none to show.
  public let defaultText: String?
  /// In the words of a diagnostic.
  public let typePhrase: String
  public let accepted: [Kind]
  let choiceList: @Sendable () -> [String]?
  let hintList: @Sendable () -> [String]
  let typeSource: ValueSource?

  init(
    name: String, summary: String, noun: String, hasNoun: Bool, unit: String?,
    range: (any NumericBounds)?, isPositional: Bool, isRequired: Bool, isVariadic: Bool,
    takesAnyKey: Bool, defaultText: String?, typePhrase: String, accepted: [Kind],
    choiceList: @escaping @Sendable () -> [String]?, hintList: @escaping @Sendable () -> [String],
    typeSource: ValueSource?
  ) {
    self.name = name
    self.summary = summary
    self.noun = noun
    self.hasNoun = hasNoun
    self.unit = unit
    self.range = range
    self.isPositional = isPositional
    self.isRequired = isRequired
    self.isVariadic = isVariadic
    self.takesAnyKey = takesAnyKey
    self.defaultText = defaultText
    self.typePhrase = typePhrase
    self.accepted = accepted
    self.choiceList = choiceList
    self.hintList = hintList
    self.typeSource = typeSource
  }

  /// The words that may be given, where they are limited.
  public var choices: [String]? { choiceList() }

  /// What each choice is, in the order of `choices`; empty where nothing is said.
  public var hints: [String] { hintList() }

  /// What completion lists for it: by its type, or by what its values are called.
  var source: ValueSource? {
    typeSource ?? ["verb": .verbs, "topic": .topics, "pack": .packs][noun]
  }

  /// `<method>`, `[bits=4]`, `[data=]`
  public var usage: String {
    if takesAnyKey { return "KEY=VALUE…" }
    if isVariadic { return isRequired ? "<\(name)>…" : "[\(name)…]" }
    if isRequired { return "<\(name)>" }
    if isPositional { return "[\(name)\(defaultText.map { "=\($0)" } ?? "")]" }
    return "[\(name)=\(defaultText ?? "")]"
  }

  /// Checks choices; what is no word or number is the type's business.
  func checkChoice(_ datum: Datum) throws {
    // `yes` and `no` have their own words for what is neither.
    guard let choices, accepted != Bool.accepted else { return }
    switch datum {
    case .string, .number:
      let text = datum.text
      guard !choices.contains(text) else { return }
      let near = didYouMean(text, among: choices)
      throw ChoiceFailure(
        message: hasNoun
          ? "no \(noun) `\(text)`" : "`\(name)` must be \(alternatives(choices)), not `\(text)`",
        found: text, meant: near, instead: near == nil ? standIn(for: text, among: choices) : nil,
        note: hasNoun && near == nil ? "there is \(alternatives(choices))" : nil)
    case .list(let elements): for element in elements { try checkChoice(element) }
    default: return
    }
  }

  /// A text to try, where it lies in the range; else the default.
  func allowed(_ text: String?) -> String? {
    guard let text, let range else { return text ?? defaultText }
    return Double(text).map(range.allows) == false ? defaultText : text
  }

  /// The choice to try where no name is near: of numbers the nearest, else the default.
  private func standIn(for text: String, among choices: [String]) -> String? {
    if let number = Double(text) {
      let numbers = choices.compactMap { choice in Double(choice).map { (choice, $0) } }
      if let nearest = numbers.min(by: { abs($0.1 - number) < abs($1.1 - number) }) {
        return nearest.0
      }
    }
    return defaultText.flatMap { choices.contains($0) ? $0 : nil }
  }

  func checkRange(_ measures: [Double], of datum: Datum) throws {
    guard let range, let bad = measures.first(where: { !range.allows($0) }) else { return }
    let expected = range.phrase + (unit.map { " \($0)" } ?? "")
    let found = measures.count == 1 ? datum.text : bad.written
    throw RangeFailure(
      message: "`\(name)` must be \(expected), not `\(found)`",
      instead: defaultText ?? range.nearest(bad)?.written)
  }
}

/// A word that is none of a parameter's choices.
struct ChoiceFailure: Failure {
  var message: String
  var found: String
  var meant: String?
  /// What may be tried where nothing is near.
  var instead: String?
  var note: String?
}

/// A number outside of a parameter's range.
struct RangeFailure: Failure {
  var message: String
  /// What may be tried.
  var instead: String?
}

/// Where an argument's value came from.
public enum ArgumentOrigin: Sendable, Equatable {
  /// Nobody gave it: the verb's own default.
  case builtIn
  /// Written in the call.
  case given
  /// Of the call that a name stands for.
  case name(String)
  /// Set with `defaults` by this pack; nil for the script itself.
  case defaults(pack: String?)
}

/// Something wrong with one argument of a verb, found by the verb itself; the session knows where it stands.
public struct ArgumentFailure: Failure {
  public var parameter: String
  public var message: String
  /// A few words behind the carets.
  public var label: String?
  public var help: String?
  /// The identifier of the failure that it passes on, or nil: it is then the verb's and the parameter's name.
  public var code: String?
  /// The element of a list that it is about, or nil for all of the argument.
  public var found: String?
  /// What should most likely stand there, or nil.
  public var meant: String?

  public init(
    parameter: String, _ message: String, label: String? = nil, help: String? = nil,
    code: String? = nil, found: String? = nil, meant: String? = nil
  ) {
    self.parameter = parameter
    self.message = message
    self.code = code
    self.label = label
    self.help = help
    self.found = found
    self.meant = meant
  }
}

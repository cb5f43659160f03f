import Language

/// An argument as a receipt tells it: what a script without packs and bindings would write.
public enum RecordedArgument: Sendable {
  case value(Value)
  /// A model, by how it was made.
  case model(Provenance)
  /// The parameter was left out.
  case absent
  /// It cannot be written down.
  case unknown

  /// A text or a number, in quotes where it must be.
  public static func text(_ text: String) -> RecordedArgument { .value(Value(text: text)) }
}

extension Value {
  /// A text that stands for itself: a word where that is possible, a number only where `text` reads as one.
  public init(text: String) {
    if let number = Number(word: text) {
      self.init(.number(number))
    } else {
      self.init(.word(Name(text)))
    }
  }
}

extension ArgumentType {
  public var recorded: RecordedArgument { .text(written) }
  public var models: [any ModelValue] { [] }
}

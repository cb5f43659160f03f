import Language

/// A value of a configuration, with the place that it stands at: a key of a YAML file, or a flag of a command line.
struct ConfigNode {
  enum Value {
    /// A scalar as written. Quoted ones are strings whatever they look like.
    case scalar(String, isPlain: Bool)
    case list([ConfigNode])
    case mapping([Entry])
  }

  struct Entry {
    var key: String
    var keySpan: Span
    var value: ConfigNode
  }

  var value: Value
  var span: Span

  /// What it is, for messages.
  var kind: String {
    switch value {
    case .scalar: isNull ? "nothing" : "a value"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }

  /// Whether it says nothing: `null`, `~` or an empty place.
  var isNull: Bool {
    if case .scalar(let text, let isPlain) = value {
      return isPlain && ["", "~", "null", "Null", "NULL", "None"].contains(text)
    }
    return false
  }
}

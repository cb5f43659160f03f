/// What kind of value something is, as far as is known before it runs.
public enum Kind: String, Sendable, CaseIterable {
  /// Not known before it runs.
  case anything
  case nothing
  case model, dataset, report, table
  case number, string, bool, list, record

  /// In the words of a diagnostic: `a model`, `text`.
  public var phrase: String {
    switch self {
    case .anything: "a value"
    case .nothing: "nothing"
    case .string: "text"
    case .bool: "`yes` or `no`"
    default: "a \(rawValue)"
    }
  }

  /// Whether a value of this kind may turn out to be one of `kinds`.
  func mayBe(_ kinds: [Kind]) -> Bool {
    self == .anything || kinds.contains(.anything) || kinds.contains(self)
  }
}

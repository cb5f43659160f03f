import Language

extension Optional: ArgumentType where Wrapped: ArgumentType {
  public static var phrase: String { Wrapped.phrase }
  public static var accepted: [Kind] { Wrapped.accepted }
  public static var words: [String]? { Wrapped.words }
  public static var source: ValueSource? { Wrapped.source }
  public var written: String { self?.written ?? "" }
  public var recorded: RecordedArgument { self?.recorded ?? .absent }
  public var models: [any ModelValue] { self?.models ?? [] }
  public var measures: [Double] { self?.measures ?? [] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Wrapped? {
    try Wrapped.convert(datum, conversion)
  }
}

/// A list, or one value in place of a list of one.
extension Array: ArgumentType where Element: ArgumentType {
  public static var phrase: String { "a list (\(Element.phrase) each)" }
  public static var accepted: [Kind] { [.list] + Element.accepted }
  public static var words: [String]? { Element.words }
  public static var source: ValueSource? { Element.source }
  public var written: String {
    if let first, count == 1 { return first.written }
    return "[" + map(\.written).joined(separator: " ") + "]"
  }
  public var recorded: RecordedArgument {
    var values: [Value] = []
    for element in self {
      guard case .value(let value) = element.recorded else { return .unknown }
      values.append(value)
    }
    return .value(Value(.list(values)))
  }
  public var measures: [Double] { flatMap(\.measures) }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> [Element] {
    guard case .list(let elements) = datum else { return [try Element.convert(datum, conversion)] }
    return try elements.map { try Element.convert($0, conversion) }
  }
}

/// A range of a source, in UTF-8 bytes, half-open. May be empty: then it is the place before the byte `start`.
public struct Span: Sendable, Equatable {
  public var source: Source
  public var start: Int
  public var end: Int

  public init(source: Source, start: Int, end: Int) {
    self.source = source
    self.start = start
    self.end = max(start, end)
  }

  /// The place of nodes that no source holds.
  public static let nowhere = Span(source: Source(name: "", text: ""), start: 0, end: 0)

  /// 1-based line of the start.
  public var line: Int { source.line(at: start) }
  /// 1-based column of the start, in characters.
  public var column: Int { source.column(at: start) }
  /// The text it covers.
  public var text: String { source.string(start..<end) }

  /// From the start of this span to the end of another of the same source.
  public func through(_ other: Span) -> Span {
    Span(source: source, start: start, end: max(end, other.end))
  }

  /// The empty place just before it.
  public var before: Span { Span(source: source, start: start, end: start) }
  /// The empty place just after it.
  public var after: Span { Span(source: source, start: end, end: end) }

  public static func == (left: Span, right: Span) -> Bool {
    left.source === right.source && left.start == right.start && left.end == right.end
  }
}

/// A span that equality leaves out: two nodes are equal when they say the same, wherever they stand.
@propertyWrapper
public struct Located: Sendable, Equatable {
  public var wrappedValue: Span

  public init(wrappedValue: Span) { self.wrappedValue = wrappedValue }

  public static func == (left: Located, right: Located) -> Bool { true }
}

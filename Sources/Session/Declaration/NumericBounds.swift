/// The numbers that an argument may be: `2...8`, `1...`, `0..<1`.
public protocol NumericBounds: Sendable {
  func allows(_ number: Double) -> Bool
  /// In the words of a diagnostic: `2 to 8`, `1 or more`.
  var phrase: String { get }
}

/// What ranges of arguments are made of.
public protocol BoundNumber: Comparable, Sendable {
  var asDouble: Double { get }
}

extension Int: BoundNumber {
  public var asDouble: Double { Double(self) }
}

extension Double: BoundNumber {
  public var asDouble: Double { self }
}

extension ClosedRange: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool {
    number >= lowerBound.asDouble && number <= upperBound.asDouble
  }
  public var phrase: String {
    "\(lowerBound.asDouble.written) to \(upperBound.asDouble.written)"
  }
}

extension Range: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool {
    number >= lowerBound.asDouble && number < upperBound.asDouble
  }
  public var phrase: String {
    "\(lowerBound.asDouble.written) or more and under \(upperBound.asDouble.written)"
  }
}

extension PartialRangeFrom: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool { number >= lowerBound.asDouble }
  public var phrase: String { "\(lowerBound.asDouble.written) or more" }
}

extension PartialRangeThrough: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool { number <= upperBound.asDouble }
  public var phrase: String { "at most \(upperBound.asDouble.written)" }
}

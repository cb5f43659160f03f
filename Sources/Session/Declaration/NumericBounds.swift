/// The numbers that an argument may be: `2...8`, `1...`, `0..<1`.
public protocol NumericBounds: Sendable {
  func allows(_ number: Double) -> Bool
  /// In the words of a diagnostic: `2 to 8`, `1 or more`.
  var phrase: String { get }
  /// The allowed number that is nearest to one that is not; nil where there is none.
  func nearest(_ number: Double) -> Double?
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
  public func nearest(_ number: Double) -> Double? {
    Swift.min(Swift.max(number, lowerBound.asDouble), upperBound.asDouble)
  }
}

extension Range: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool {
    number >= lowerBound.asDouble && number < upperBound.asDouble
  }
  public var phrase: String {
    "\(lowerBound.asDouble.written) or more and under \(upperBound.asDouble.written)"
  }
  public func nearest(_ number: Double) -> Double? { lowerBound.asDouble }
}

extension PartialRangeFrom: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool { number >= lowerBound.asDouble }
  public var phrase: String { "\(lowerBound.asDouble.written) or more" }
  public func nearest(_ number: Double) -> Double? { lowerBound.asDouble }
}

extension PartialRangeThrough: NumericBounds where Bound: BoundNumber {
  public func allows(_ number: Double) -> Bool { number <= upperBound.asDouble }
  public var phrase: String { "at most \(upperBound.asDouble.written)" }
  public func nearest(_ number: Double) -> Double? { upperBound.asDouble }
}

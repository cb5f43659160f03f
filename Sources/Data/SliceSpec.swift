import Runtime

/// Which rows of which split: `:4096`, `4096:4224`, `train[:4096]`, `5%`, `train[5%:10%]`, `validation`.
///
/// Half-open and counted from 0. A percentage is of the split's rows, rounded to the nearest row.
public struct SliceSpec: Sendable, Equatable, CustomStringConvertible {
  public enum Bound: Sendable, Equatable, CustomStringConvertible {
    case row(Int)
    case percent(Double)

    public var description: String {
      switch self {
      case .row(let row): "\(row)"
      case .percent(let percent):
        (Int(exactly: percent).map { "\($0)" } ?? "\(percent)") + "%"
      }
    }

    func row(of count: Int) -> Int {
      switch self {
      case .row(let row): row
      case .percent(let percent):
        Int((percent * Double(count) / 100).rounded(.toNearestOrEven))
      }
    }
  }

  public var split: String?
  public var lower: Bound?
  public var upper: Bound?

  public init(split: String? = nil, lower: Bound? = nil, upper: Bound? = nil) {
    self.split = split
    self.lower = lower
    self.upper = upper
  }

  /// - Throws: `SliceFailure`.
  public init(_ text: String) throws {
    func failure(_ reason: String) -> SliceFailure { SliceFailure(slice: text, reason: reason) }
    let trimmed = text.trimmed
    var inside = trimmed[...]
    if let bracket = trimmed.firstIndex(of: "[") {
      guard trimmed.last == "]" else { throw failure("a `]` is missing at its end") }
      let name = String(trimmed[..<bracket])
      if !name.isEmpty { split = name }
      inside = trimmed[trimmed.index(after: bracket)...].dropLast()
      guard inside.contains(":") || inside.contains("%") else {
        throw failure("write [:\(inside)] for the first rows")
      }
    } else if !trimmed.contains(":"), let first = trimmed.utf8.first, !first.isDigit {
      split = trimmed
      inside = ":"
    }
    if let split, split.contains(where: { !$0.isLetter && !$0.isNumber && !"-_.".contains($0) }) {
      throw failure("`\(split)` is not the name of a split")
    }
    let parts = inside.split(separator: ":", omittingEmptySubsequences: false)
    func bound(_ part: Substring) throws -> Bound? {
      let part = String(part).trimmed
      if part.isEmpty { return nil }
      guard let bound = Bound(part) else {
        throw failure("`\(part)` is neither a row number nor a percentage")
      }
      return bound
    }
    switch parts.count {
    case 1:
      let first = try bound(parts[0])
      guard case .percent = first else {
        throw failure(inside.isEmpty ? "it is empty" : "write :\(inside) for the first rows")
      }
      upper = first
    case 2:
      lower = try bound(parts[0])
      upper = try bound(parts[1])
    default:
      throw failure("it has more than two bounds")
    }
  }

  /// The rows meant, of `count`.
  ///
  /// - Throws: `DatasetFailure.beyondEnd` or `.emptySlice`.
  func rows(of count: Int, dataset: String) throws -> Range<Int> {
    let start = lower?.row(of: count) ?? 0
    let end = upper?.row(of: count) ?? count
    guard start >= 0, max(start, end) <= count, lower == nil || upper != nil || start < count else {
      throw DatasetFailure.beyondEnd(dataset: dataset, slice: bounds, rows: count)
    }
    guard start < end else {
      throw DatasetFailure.emptySlice(dataset: dataset, slice: bounds, rows: count)
    }
    return start..<end
  }

  private var bounds: String {
    "\(lower.map { "\($0)" } ?? ""):\(upper.map { "\($0)" } ?? "")"
  }

  public var description: String {
    guard let split else { return bounds }
    return lower == nil && upper == nil ? split : "\(split)[\(bounds)]"
  }
}

extension SliceSpec.Bound {
  /// `4096`, `4k`, `4Ki`, `1M`, `5%`, `0.5%`; nil for anything else.
  init?(_ text: String) {
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), (0...100).contains(percent) else { return nil }
      self = .percent(percent)
      return
    }
    let digits = text.utf8.prefix { $0.isDigit }.count
    let units = ["": 1, "k": 1000, "Ki": 1024, "M": 1_000_000, "Mi": 1 << 20]
    guard digits > 0, let number = Int(text.prefix(digits)),
      let unit = units[String(text.dropFirst(digits))]
    else { return nil }
    let (row, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    self = .row(row)
  }
}

/// A slice that does not parse.
public struct SliceFailure: Failure, Equatable {
  public var slice: String
  public var reason: String

  public var message: String { "`\(slice)` is not a slice: \(reason)" }
  public var help: String? { "for example :4096, 4096:4224, train[:4096] or 5%" }
}

extension String {
  /// Without the blanks at both ends.
  fileprivate var trimmed: String {
    let start = utf8.drop { $0.isBlank }
    let end = start.reversed().drop { $0.isBlank }
    return String(decoding: end.reversed(), as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

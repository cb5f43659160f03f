import JSON
import Language

/// A share: `5%` or `0.05`.
public struct Fraction: ArgumentType, Equatable {
  public var value: Double
  public init(_ value: Double) { self.value = value }

  public static var phrase: String { "a share such as `5%`" }
  public static var accepted: [Kind] { [.number, .string] }
  public var written: String { "\(JSON.number(value * 100).shortText)%" }
  public var measures: [Double] { [value] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Fraction {
    do { return Fraction(try Double.convert(datum, conversion)) } catch {
      throw Mismatch(expected: phrase, found: datum)
    }
  }
}

/// A number of bytes: `24GiB`.
public struct ByteCount: ArgumentType, Equatable {
  public var bytes: Int
  public init(_ bytes: Int) { self.bytes = bytes }

  public static var phrase: String { "a size such as `24GiB`" }
  public static var accepted: [Kind] { [.number] }
  public var measures: [Double] { [Double(bytes)] }

  public var written: String {
    for (name, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes != 0 && bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(name)"
    }
    for (name, size) in [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000)]
    where bytes != 0 && bytes % size == 0 {
      return "\(bytes / size)\(name)"
    }
    return "\(bytes)B"
  }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> ByteCount {
    guard case .number(let quantity) = datum, quantity.unit == .bytes || quantity.unit == .none,
      quantity.value >= 0, let bytes = quantity.integer
    else { throw Mismatch(expected: phrase, found: datum) }
    return ByteCount(bytes)
  }
}

/// A time: `30s`, `5min`; a bare number is seconds.
public struct Seconds: ArgumentType, Equatable {
  public var seconds: Double
  public init(_ seconds: Double) { self.seconds = seconds }

  public static var phrase: String { "a time such as `30s`" }
  public static var accepted: [Kind] { [.number] }
  public var written: String { "\(JSON.number(seconds).shortText)s" }
  public var measures: [Double] { [seconds] }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Seconds {
    guard case .number(let quantity) = datum, quantity.unit == .seconds || quantity.unit == .none
    else { throw Mismatch(expected: phrase, found: datum) }
    return Seconds(quantity.value)
  }
}

/// A half-open range of rows as text: `":4096"`, `"5000:6000"`.
public struct RowRange: ArgumentType, Equatable {
  public var lower: Int?
  public var upper: Int?

  public init(lower: Int? = nil, upper: Int? = nil) {
    self.lower = lower
    self.upper = upper
  }

  public static var phrase: String { "rows such as `\":4096\"` or `\"5000:6000\"`" }
  public static var accepted: [Kind] { [.string] }
  public var written: String {
    "\"\(lower.map(String.init) ?? ""):\(upper.map(String.init) ?? "")\""
  }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> RowRange {
    func mismatch() -> Mismatch { Mismatch(expected: phrase, found: datum) }
    guard case .string(let text) = datum else { throw mismatch() }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw mismatch() }
    let bounds = try parts.map { part -> Int? in
      if part.isEmpty { return nil }
      guard let bound = Int(part), bound >= 0 else { throw mismatch() }
      return bound
    }
    if let lower = bounds[0], let upper = bounds[1], lower > upper { throw mismatch() }
    return RowRange(lower: bounds[0], upper: bounds[1])
  }
}

/// A path in the file system, with `~` and a pack's `./` resolved.
public struct Path: ArgumentType, Equatable {
  /// As the process can open it.
  public var path: String
  /// As written.
  public var text: String

  public init(_ path: String, text: String? = nil) {
    self.path = path
    self.text = text ?? path
  }

  public static var phrase: String { "a path" }
  public static var source: ValueSource? { .files }
  public static var accepted: [Kind] { [.string, .number] }
  public var written: String { text.written }
  public var recorded: RecordedArgument { .text(path) }

  public static func convert(_ datum: Datum, _ conversion: Conversion) throws -> Path {
    switch datum {
    case .string, .number:
      guard !datum.text.isEmpty else { break }
      return Path(conversion.resolve(datum.text), text: datum.text)
    default: break
    }
    throw Mismatch(expected: phrase, found: datum)
  }
}

import JSON

/// Reads values out of an untrusted config.json, each checked for kind and range, with errors that name the field.
public struct ConfigReader: Sendable {
  public let object: JSONObject
  /// The file, for errors.
  public let path: String
  /// Where a nested object stands: `rope_scaling.`.
  let prefix: String

  public init(_ object: JSONObject, path: String, prefix: String = "") {
    self.object = object
    self.path = path
    self.prefix = prefix
  }

  /// The member `key`; null counts as absent.
  public subscript(key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  public func bad(_ key: String, expected: String, found: String? = nil) -> BadConfig {
    var shown = found ?? self[key].map { $0.text() } ?? "nothing"
    if shown.count > 60 { shown = "\(shown.prefix(57))..." }
    return BadConfig(path: path, field: prefix + key, expected: expected, found: shown)
  }

  /// A whole number in `range`, or `fallback` where it is absent.
  public func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil)
    throws -> Int
  {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = self[key] else {
      if let fallback { return fallback }
      throw bad(key, expected: expected)
    }
    guard let number = value.intValue, range.contains(number) else {
      throw bad(key, expected: expected)
    }
    return number
  }

  /// A finite number in `range`, or `fallback` where it is absent.
  public func number(_ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil)
    throws -> Double
  {
    let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = self[key] else {
      if let fallback { return fallback }
      throw bad(key, expected: expected)
    }
    guard let number = value.doubleValue, range.contains(number) else {
      throw bad(key, expected: expected)
    }
    return number
  }

  public func flag(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = self[key] else { return fallback }
    guard let flag = value.boolValue else { throw bad(key, expected: "true or false") }
    return flag
  }

  public func string(_ key: String) throws -> String? {
    guard let value = self[key] else { return nil }
    guard let string = value.stringValue else { throw bad(key, expected: "a string") }
    return string
  }

  /// A list of exactly `count` finite positive numbers.
  public func factors(_ key: String, count: Int) throws -> [Double] {
    let expected = "a list of \(count) positive numbers"
    guard let list = self[key]?.arrayValue else { throw bad(key, expected: expected) }
    guard list.count == count else {
      throw bad(key, expected: expected, found: "\(list.count) elements")
    }
    return try list.map {
      guard let value = $0.doubleValue, value.isFinite, value > 0, value < 1e9 else {
        throw bad(key, expected: expected, found: $0.text())
      }
      return value
    }
  }

  /// The object under `key`.
  public func nested(_ key: String) throws -> ConfigReader? {
    guard let value = self[key] else { return nil }
    guard let object = value.objectValue else { throw bad(key, expected: "an object") }
    return ConfigReader(object, path: path, prefix: "\(prefix)\(key).")
  }
}

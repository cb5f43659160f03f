/// A JSON document as a value.
///
/// Objects keep the order of their keys, so that what olv rewrites differs only where it must. Integers that fit 64
/// bits stay exact.
public indirect enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object(JSONObject)

  /// The member `key`, or nil where this is no object or has no such member.
  public subscript(key: String) -> JSON? {
    if case .object(let object) = self { return object[key] }
    return nil
  }

  /// The element at `index`, or nil where this is no array or is shorter.
  public subscript(index: Int) -> JSON? {
    if case .array(let array) = self, array.indices.contains(index) { return array[index] }
    return nil
  }

  public var isNull: Bool { self == .null }

  public var boolValue: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The integer, also where a whole number was written as `1.0` or `1e3`.
  public var intValue: Int? {
    switch self {
    case .int(let value): return value
    case .number(let value): return Int(exactly: value)
    default: return nil
    }
  }

  public var doubleValue: Double? {
    switch self {
    case .int(let value): return Double(value)
    case .number(let value): return value
    default: return nil
    }
  }

  public var stringValue: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  public var arrayValue: [JSON]? {
    if case .array(let value) = self { return value }
    return nil
  }

  public var objectValue: JSONObject? {
    if case .object(let value) = self { return value }
    return nil
  }

  /// What kind of value this is, in the words of a diagnostic: `"an object"`, `"a string"`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .int, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// The members of a JSON object in their order. A repeated key keeps its first place and its last value.
///
/// Keys are compared as bytes: vocabularies have canonically equivalent spellings as different keys.
public struct JSONObject: Sendable, Equatable, Sequence {
  public private(set) var members: [(key: String, value: JSON)] = []
  private var index: [Key: Int] = [:]

  public init() {}

  public init(_ members: some Sequence<(String, JSON)>) {
    for (key, value) in members { self[key] = value }
  }

  /// Reading gives nil for an absent key; assigning nil removes it.
  public subscript(key: String) -> JSON? {
    get { index[Key(text: key)].map { members[$0].value } }
    set {
      if let place = index[Key(text: key)] {
        if let newValue {
          members[place].value = newValue
        } else {
          members.remove(at: place)
          index = [:]
          for (place, member) in members.enumerated() { index[Key(text: member.key)] = place }
        }
      } else if let newValue {
        index[Key(text: key)] = members.count
        members.append((key, newValue))
      }
    }
  }

  public var count: Int { members.count }
  public var keys: [String] { members.map(\.key) }
  public func makeIterator() -> IndexingIterator<[(key: String, value: JSON)]> {
    members.makeIterator()
  }

  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
  }

  /// A key that equals another only if its UTF-8 does.
  private struct Key: Hashable {
    let text: String

    static func == (left: Key, right: Key) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(nilLiteral: ()) { self = .null }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(JSONObject(elements))
  }
}

import JSON
import Runtime

/// What an entry is found by: everything that determines its content, by name.
///
/// The names serve people: when nothing is found, the parts tell which of them changed.
public struct EntryKey: Sendable, Hashable {
  public struct Part: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What is stored: `quantize`, `hessian`.
  public let kind: String
  public let parts: [Part]
  /// 64 hexadecimal digits over the kind and all parts in their order.
  public let hash: String

  public init(_ kind: String, _ parts: [Part]) {
    self.kind = kind
    self.parts = parts
    var hash = SHA256()
    hash.update("olv entry 1")
    hash.update(kind)
    for part in parts {
      hash.update(part.name)
      hash.update(part.value)
    }
    self.hash = hash.finish()
  }

  public subscript(name: String) -> String? { parts.first { $0.name == name }?.value }

  /// The names of the parts that differ, in this key's order; those that only the other has come last.
  public func differences(from other: EntryKey) -> [String] {
    var names = parts.map(\.name)
    names += other.parts.map(\.name).filter { !names.contains($0) }
    return names.filter { self[$0] != other[$0] }
  }

  var json: JSON {
    .array(parts.map { .array([.string($0.name), .string($0.value)]) })
  }

  init?(kind: String, _ json: JSON?) {
    guard let pairs = json?.arrayValue else { return nil }
    var parts: [Part] = []
    for pair in pairs {
      guard let name = pair[0]?.stringValue, let value = pair[1]?.stringValue else { return nil }
      parts.append(Part(name, value))
    }
    self.init(kind, parts)
  }
}

import JSON
import Runtime

extension Report {
  /// A hash of what it found out: its numbers and its evidence, without anything about when, where or how fast.
  ///
  /// - Parameter session: Knows which of the verb's fields are times or rates.
  public func contentHash(in session: Session) -> String {
    let type = session.verbs.type(verb) as? any ReproducibleVerb.Type
    let names = Set((type?.measurements ?? []) + ["seconds"])
    var object = JSONObject([("verb", .string(verb)), ("model", model.map(JSON.string) ?? .null)])
    if let value { object["value"] = .number(value) }
    object["fields"] = JSON.object(fields).without(names)
    if let evidence = evidence as? any StorableEvidence {
      object["evidence"] = evidence.json.without(names)
    }
    return SHA256.hex(JSON.object(object).text())
  }
}

extension JSON {
  /// The value without fields of these names, at any depth.
  fileprivate func without(_ names: Set<String>) -> JSON {
    switch self {
    case .array(let elements): .array(elements.map { $0.without(names) })
    case .object(let object):
      .object(
        JSONObject(
          object.compactMap { names.contains($0.key) ? nil : ($0.key, $0.value.without(names)) }))
    default: self
    }
  }
}

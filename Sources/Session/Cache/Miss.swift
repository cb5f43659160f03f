import Cache
import JSON

/// A stage that was looked for in the cache and not found.
public struct Miss: Sendable {
  public var key: EntryKey
  /// The lineage of the model that it was about.
  public var model: String
  /// Why, where it is not simply that nobody had stored it.
  public var reason: String?
  /// Seconds since 1970.
  public var time: Double
}

extension ContentStore {
  /// The name of the file that keeps the misses of the run that missed last, for `cache why`.
  private static let misses = "misses"

  /// Notes what the running session missed; what cannot be written is not worth a word.
  func remember(_ misses: [Miss]) {
    let json = JSON.array(
      misses.map { miss in
        .object(
          JSONObject([
            ("kind", .string(miss.key.kind)),
            (
              "parts",
              .array(miss.key.parts.map { .array([.string($0.name), .string($0.value)]) })
            ),
            ("model", .string(miss.model)), ("reason", miss.reason.map(JSON.string) ?? .null),
            ("time", .number(miss.time)),
          ]))
      })
    write(json.text(), toNote: Self.misses)
  }

  /// The misses of the run that missed last, in their order.
  var rememberedMisses: [Miss] {
    guard let text = note(Self.misses), let list = try? JSON.parse(text).arrayValue else {
      return []
    }
    return list.compactMap { json in
      guard let kind = json["kind"]?.stringValue, let model = json["model"]?.stringValue,
        let pairs = json["parts"]?.arrayValue, let time = json["time"]?.doubleValue
      else { return nil }
      let parts = pairs.compactMap { pair -> EntryKey.Part? in
        guard let name = pair[0]?.stringValue, let value = pair[1]?.stringValue else { return nil }
        return EntryKey.Part(name, value)
      }
      return Miss(
        key: EntryKey(kind, parts), model: model, reason: json["reason"]?.stringValue, time: time)
    }
  }
}

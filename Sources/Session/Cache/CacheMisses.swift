import Cache
import JSON
import Language

/// Why stages were not found in the cache: each missed key beside the stored key of the same verb that is nearest to it.
struct CacheMisses {
  private let lines: [Line]

  private struct Line {
    var miss: Miss
    /// Names of the parts that differ from the nearest entry, with both values; nil where there is no entry to compare.
    var changes: [(name: String, now: String, before: String)]?
    /// The lineage that the nearest entry is about.
    var nearest: String?
  }

  /// - Parameter misses: Of this session; where there are none, those of the session that last missed something.
  init(_ store: ContentStore, _ misses: [Miss]) {
    let misses = misses.isEmpty ? store.rememberedMisses : misses
    let entries = store.entries()
    lines = misses.map { miss in
      // What was stored since was not there to be found.
      let candidates = entries.filter {
        $0.key.kind == miss.key.kind && $0.created < miss.time && $0.key != miss.key
      }
      let nearest = candidates.min { one, two in
        let counts = (
          miss.key.differences(from: one.key).count, miss.key.differences(from: two.key).count
        )
        return counts.0 == counts.1 ? one.created > two.created : counts.0 < counts.1
      }
      return Line(
        miss: miss,
        changes: nearest.map { nearest in
          miss.key.differences(from: nearest.key).map {
            ($0, miss.key[$0] ?? "absent", nearest.key[$0] ?? "absent")
          }
        }, nearest: nearest?.facts["lineage"]?.stringValue)
    }
  }

  var report: Report {
    guard !lines.isEmpty else {
      return Report(
        fields: JSONObject([("misses", .array([]))]),
        display: [.text("nothing was looked for in vain")])
    }
    return Report(
      fields: JSONObject([("misses", .array(lines.map(json)))]),
      display: [
        .grid(Grid(columns: ["stage", "of", "why"], rows: lines.map(row), wraps: true))
      ])
  }

  private func row(_ line: Line) -> [String] {
    [line.miss.key.kind, line.miss.model, why(line)]
  }

  private func why(_ line: Line) -> String {
    if let reason = line.miss.reason { return reason }
    guard let changes = line.changes else { return "nothing of this verb was stored before" }
    if changes.isEmpty { return "it was stored, and is gone: evicted or cleared" }
    return changes.map { change in
      switch change.name {
      case "model":
        line.nearest == line.miss.model || line.nearest == nil
          ? "the model is another one of the same lineage: its weights or an earlier stage changed"
          : "the model is another one: the nearest entry is of \(line.nearest ?? "")"
      case "engine": "the program changed: another build of olv"
      case _ where Self.isHash(change.now) && Self.isHash(change.before):
        "the \(change.name) changed"
      default:
        "\(change.name) is \(Self.shown(change.now)), was \(Self.shown(change.before))"
      }
    }.joined(separator: "; ")
  }

  private func json(_ line: Line) -> JSON {
    .object(
      JSONObject([
        ("verb", .string(line.miss.key.kind)), ("model", .string(line.miss.model)),
        ("key", .string(line.miss.key.hash)), ("why", .string(why(line))),
        (
          "changed",
          line.changes.map { changes in
            .array(
              changes.map {
                .object(
                  JSONObject([
                    ("part", .string($0.name)), ("now", .string($0.now)),
                    ("before", .string($0.before)),
                  ]))
              })
          } ?? .null
        ),
      ]))
  }

  private static func isHash(_ text: String) -> Bool {
    text.utf8.count == 64 && text.allSatisfy(\.isHexDigit)
  }

  private static func shown(_ text: String) -> String { text.isEmpty ? "not given" : "`\(text)`" }
}

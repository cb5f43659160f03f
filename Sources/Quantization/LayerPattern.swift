/// Layers by a part of their name: consecutive dot-separated parts, in which `*` stands for any characters.
///
/// `down_proj`, `layers.0`, `layers.*.mlp`, `model.layers.3.self_attn.qkv_proj`.
struct LayerPattern {
  private let parts: [Substring]

  init(_ text: String) { parts = text.split(separator: ".", omittingEmptySubsequences: false) }

  func matches(_ name: String) -> Bool {
    let names = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= names.count else { return false }
    return (0...names.count - parts.count).contains { start in
      parts.indices.allSatisfy {
        Self.matches(Array(parts[$0].utf8), Array(names[start + $0].utf8))
      }
    }
  }

  /// Whether `text` is `pattern` with something in the place of each `*`. Linear in both but for the last star.
  private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    let star = UInt8(ascii: "*")
    var (p, t) = (0, 0)
    var resume: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == star {
        resume = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = resume {
        (p, t) = (last.pattern, last.text + 1)
        resume = (last.pattern, last.text + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == star }
  }
}

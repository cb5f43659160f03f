import JSON
import Session

/// One thing that `doctor` looked at.
struct Finding: Equatable {
  enum State: String {
    case ok
    /// Works, but something would work better.
    case note
    /// Something that olv promises does not work.
    case problem
  }

  var name: String
  var state: State
  /// What there is.
  var found: String
  /// What to do; nil where nothing is to be done.
  var advice: String?

  static func ok(_ name: String, _ found: String) -> Finding {
    Finding(name: name, state: .ok, found: found, advice: nil)
  }

  static func note(_ name: String, _ found: String, _ advice: String?) -> Finding {
    Finding(name: name, state: .note, found: found, advice: advice)
  }

  static func problem(_ name: String, _ found: String, _ advice: String) -> Finding {
    Finding(name: name, state: .problem, found: found, advice: advice)
  }

  var json: JSON {
    [
      "check": .string(name), "state": .string(state.rawValue), "found": .string(found),
      "advice": advice.map(JSON.string) ?? .null,
    ]
  }

  /// Two lines at most: what was found, and under it what to do.
  var text: String {
    func padded(_ word: String, _ width: Int) -> String {
      word + String(repeating: " ", count: max(width - word.count, 1))
    }
    let line = padded(state.rawValue, 9) + padded(name, 17) + found
    guard let advice else { return line }
    return line + "\n" + String(repeating: " ", count: 26) + "→ " + advice
  }
}

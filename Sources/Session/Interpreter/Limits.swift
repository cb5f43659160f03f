import Runtime

/// How large values may grow: scripts come from strangers, and a few lines can double a value many times.
enum Limits {
  static let stringLength = 1 << 20
  static let elements = 1 << 16

  static func check(_ text: String) throws {
    guard text.utf8.count <= stringLength else {
      throw TooLarge(message: "a string of more than \(stringLength >> 20) MiB")
    }
  }

  /// Counts elements, inner ones included, and stops counting where there are too many.
  static func check(_ datum: Datum) throws {
    var left = elements
    guard fits(datum, &left) else {
      throw TooLarge(message: "a list of more than \(elements) elements")
    }
  }

  private static func fits(_ datum: Datum, _ left: inout Int) -> Bool {
    left -= 1
    guard left >= 0 else { return false }
    guard case .list(let elements) = datum else { return true }
    for element in elements where !fits(element, &left) { return false }
    return true
  }
}

/// A value that grew beyond all use.
struct TooLarge: Failure {
  let identifier = "bind.size"
  var message: String
}

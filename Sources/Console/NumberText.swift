import Glibc
import JSON

/// A number with six significant digits, as people read it.
func readable(_ number: Double) -> String {
  if let whole = Int(exactly: number), number.magnitude < 1e15 { return String(whole) }
  var buffer = [CChar](repeating: 0, count: 32)
  let count = withVaList([number]) { vsnprintf(&buffer, buffer.count, "%.6g", $0) }
  guard count > 0 else { return "\(number)" }
  return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A time as people read it: `0.82 s`, `3:05`, `1:02:03`.
func readable(seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0 else { return "?" }
  if seconds < 9.95 { return "\(rounded(seconds, 100)) s" }
  if seconds < 60 { return "\(Int(seconds.rounded())) s" }
  let whole = Int(min(seconds, 1e9).rounded())
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
  return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
}

/// A number to a fraction of one, without a tail of digits.
func rounded(_ number: Double, _ parts: Double) -> String {
  readable((number * parts).rounded() / parts)
}

extension JSON {
  /// A scalar in a cell.
  var cell: String {
    if case .number(let number) = self { return readable(number) }
    return shortText
  }
}

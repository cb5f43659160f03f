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

/// A size as people read it: `13.6 MB`.
func readable(bytes: Double) -> String {
  guard bytes.isFinite, bytes >= 0 else { return "?" }
  var value = bytes
  var units = ["B", "kB", "MB", "GB", "TB"][...]
  while value >= 999.5, units.count > 1 {
    value /= 1000
    units = units.dropFirst()
  }
  let text = bytes < 999.5 ? readable(value.rounded()) : fixed(value, value < 9.995 ? 2 : 1)
  return "\(text) \(units.first ?? "B")"
}

/// A number with so many digits behind the point.
func fixed(_ number: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = withVaList([number]) {
    vsnprintf(&buffer, buffer.count, "%.\(max(0, min(digits, 12)))f", $0)
  }
  guard count > 0, count < buffer.count else { return readable(number) }
  return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Numbers of one column, with as many digits behind the point as tell the largest to five digits and the smallest to
/// four; each as it is where that would take too many.
func readable(column numbers: [Double]) -> [String] {
  let sizes = numbers.filter { $0.isFinite && $0 != 0 }.map(\.magnitude)
  guard numbers.count > 1, let largest = sizes.max(), let smallest = sizes.min(),
    numbers.allSatisfy(\.isFinite), !numbers.allSatisfy({ $0 == $0.rounded() }), largest < 1e6
  else { return numbers.map { readable($0) } }
  func place(_ number: Double) -> Int { Int(log10(number).rounded(.down)) }
  let digits = max(4 - place(largest), 3 - place(smallest), 0)
  guard digits <= 6 else { return numbers.map { readable($0) } }
  return numbers.map { fixed($0, digits) }
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

import Glibc

/// Numbers as people read them: in reports, tables, charts and progress alike.
public enum Words {
  /// Six significant digits; whole numbers as they are: `22.6358`, `128`, `1e-05`.
  public static func number(_ value: Double) -> String {
    if let whole = Int(exactly: value), value.magnitude < 1e15 { return String(whole) }
    return format("%.6g", value)
  }

  /// About four significant digits, zeros at the end included, so that the numbers of a column align: `792.70`, `6.1410`,
  /// `0.01230`, `3.10e-05`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let size = value.magnitude
    switch size {
    case 0: return "0"
    case ..<1e-4: return format("%.2e", value)
    case ..<0.001: return decimals(value, 6)
    case ..<0.1: return decimals(value, 5)
    case ..<10: return decimals(value, 4)
    case ..<100: return decimals(value, 3)
    case ..<10_000: return decimals(value, 2)
    default: return decimals(value, 0)
    }
  }

  /// Four significant digits and no zeros at the end, for where there is little room: `6.995`, `25.4`, `1234`, `3.1e-05`.
  public static func brief(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let size = value.magnitude
    if size == 0 { return "0" }
    if size >= 1e7 || size < 1e-4 { return format("%.3g", value).replacing("e+0", with: "e+") }
    let digits = min(max(3 - Int(log10(size).rounded(.down)), 0), 7)
    return trimmed(decimals(value, digits))
  }

  /// The same with as many digits behind the point as any of the numbers that it is read beside has, where they are of one
  /// size: `25.00` beside `27.33`.
  public static func brief(_ value: Double, beside others: [Double]) -> String {
    let sizes = others.map(\.magnitude).filter { $0 > 0 }
    guard let largest = sizes.max(), let smallest = sizes.min(), largest <= 100 * smallest,
      largest < 1e7, smallest >= 1e-4
    else { return brief(value) }
    let digits = others.map { brief($0).split(separator: ".").dropFirst().first?.count ?? 0 }
    return decimals(value, digits.max() ?? 0)
  }

  /// Numbers of one column, with as many digits behind the point as tell the largest to five digits and the smallest to
  /// four; each with four significant ones where that would take too many.
  public static func column(_ numbers: [Double]) -> [String] {
    let sizes = numbers.filter { $0.isFinite && $0 != 0 }.map(\.magnitude)
    guard numbers.count > 1, let largest = sizes.max(), let smallest = sizes.min(),
      numbers.allSatisfy(\.isFinite), !numbers.allSatisfy({ $0 == $0.rounded() }), largest < 1e6
    else { return numbers.map { number($0) } }
    func place(_ number: Double) -> Int { Int(log10(number).rounded(.down)) }
    let digits = max(4 - place(largest), 3 - place(smallest), 0)
    guard digits <= 6 else { return numbers.map { brief($0) } }
    return numbers.map { decimals($0, digits) }
  }

  /// So many digits behind the point, twelve at most.
  public static func decimals(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    let text = format("%.\(max(0, min(digits, 12)))f", value)
    // Nothing is less than zero by nothing.
    return text.first == "-" && text.allSatisfy({ "-0.".contains($0) })
      ? String(text.dropFirst()) : text
  }

  /// A size: `13.6 MB`.
  public static func bytes(_ count: Int) -> String { bytes(Double(count)) }
  public static func bytes(_ count: Double) -> String {
    scaled(count, ["B", "kB", "MB", "GB", "TB"])
  }

  /// A count: `3.41 M`, `1.20 G`.
  public static func count(_ count: Int) -> String { self.count(Double(count)) }
  public static func count(_ count: Double) -> String {
    scaled(count, ["", "k", "M", "G", "T", "P", "E"])
  }

  /// A number of things: `1 row`, `2 rows`, `3 entries`.
  public static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// A share: `4.12%`.
  public static func percent(_ share: Double) -> String { decimals(share * 100, 2) + "%" }

  /// A time: `0.82 s`, `3:05`, `1:02:03`.
  public static func seconds(_ value: Double) -> String {
    guard value.isFinite, value >= 0 else { return "?" }
    if value < 9.95 { return "\(number((value * 100).rounded() / 100)) s" }
    if value < 60 { return "\(Int(value.rounded())) s" }
    let whole = Int(min(value, 1e9).rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
  }

  /// How many a second: `0.53`, `12.5`, `6349`.
  public static func rate(_ value: Double) -> String {
    number(
      value >= 100
        ? value.rounded()
        : value >= 10
          ? (value * 10).rounded() / 10
          : (value * 100).rounded() / 100)
  }

  private static func scaled(_ value: Double, _ units: [String]) -> String {
    guard value.isFinite, value >= 0 else { return "?" }
    var value = value
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let text = unit == 0 ? number(value.rounded()) : decimals(value, value < 9.995 ? 2 : 1)
    return units[unit].isEmpty ? text : "\(text) \(units[unit])"
  }

  /// Without zeros at the end that say nothing.
  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = text
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  private static func format(_ pattern: String, _ value: Double) -> String {
    // The longest number in fixed notation has 309 digits before the point.
    var buffer = [CChar](repeating: 0, count: 400)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, pattern, $0) }
    guard count > 0, count < buffer.count else { return "\(value)" }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

import JSON
import Session

/// Numbers as people read them.
enum Words {
  /// `13.6 MB`.
  static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) B" : "\(decimals(value, value < 10 ? 2 : 1)) \(units[unit])"
  }

  /// `3.41 M`, `1.2 G`.
  static func count(_ count: Int) -> String {
    let units = ["", " k", " M", " G", " T"]
    var value = Double(count)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count)" : decimals(value, value < 10 ? 2 : 1) + units[unit]
  }

  /// A number with a fixed count of digits behind the point.
  static func decimals(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 0x1p53 else { return "\(value)" }
    let whole = Int(scaled) / Int(scale)
    var fraction = String(Int(scaled) % Int(scale))
    while fraction.count < digits { fraction = "0" + fraction }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(fraction)"
  }

  /// About four significant digits: `792.7`, `6.141`, `0.0123`, `3.1e-05`.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let size = value.magnitude
    switch size {
    case 0: return "0"
    case ..<1e-4:
      var exponent = 0
      var mantissa = value
      // Rounded to three digits the mantissa must stay below 10.
      while mantissa.magnitude < 0.9995 {
        mantissa *= 10
        exponent += 1
      }
      return "\(decimals(mantissa, 2))e-\(exponent < 10 ? "0" : "")\(exponent)"
    case ..<0.001: return decimals(value, 6)
    case ..<0.1: return decimals(value, 5)
    case ..<10: return decimals(value, 4)
    case ..<100: return decimals(value, 3)
    case ..<10_000: return decimals(value, 2)
    default: return decimals(value, 0)
    }
  }

  /// `4.12%`.
  static func percent(_ share: Double) -> String { decimals(share * 100, 2) + "%" }

  /// `0.84 s`, `2 min 5 s`.
  static func seconds(_ value: Double) -> String {
    value < 60
      ? "\(decimals(value, 2)) s" : "\(Int(value) / 60) min \(Int(value) % 60) s"
  }
}

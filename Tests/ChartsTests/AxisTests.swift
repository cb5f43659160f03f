import Charts
import Runtime
import Testing

@Suite struct AxisTests {
  @Test(arguments: [
    ([7.0, 25.4], true, "0 5 10 15 20 25 30"), ([6.9, 7.1], false, "6.9 6.95 7 7.05 7.1"),
    ([0.012, 0.154], true, "0 0.05 0.1 0.15 0.2"), ([5], true, "0 1 2 3 4 5"),
    ([-3, 4], true, "-4 -2 0 2 4"), ([], true, "0 0.2 0.4 0.6 0.8 1"),
    ([0], true, "0 0.2 0.4 0.6 0.8 1"),
    ([1.2e9, 3e9], true, "0 5e+8 1e+9 1.5e+9 2e+9 2.5e+9 3e+9"),
  ])
  func ticksAreRound(_ values: [Double], _ zero: Bool, _ expected: String) {
    let axis = Axis(values, includesZero: zero)
    #expect(axis.ticks.map { trimmed(axis.text($0)) }.joined(separator: " ") == expected)
  }

  /// Every value lies between the bounds, whatever its size; the ticks too, few and in order.
  @Test func everythingFits() {
    var state: UInt64 = 7
    func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    for _ in 0..<2000 {
      let scale = [1e-9, 1e-3, 1, 1e3, 1e12][Int(next() * 5)]
      let values = (0..<(1 + Int(next() * 4))).map { _ in (next() - 0.3) * scale }
      for zero in [true, false] {
        let axis = Axis(values, includesZero: zero)
        #expect(values.allSatisfy { (axis.lower...axis.upper).contains($0) })
        #expect(!zero || (axis.lower...axis.upper).contains(0))
        #expect(axis.ticks == axis.ticks.sorted() && (2...12).contains(axis.ticks.count))
        #expect(Set(axis.ticks.map { axis.text($0) }).count == axis.ticks.count)
      }
    }
  }

  @Test func valuesOfFourDigits() {
    let cases: [(Double, String)] = [
      (7.0046, "7.005"), (25.36, "25.36"), (1234.56, "1235"), (0.00318, "0.00318"), (0, "0"),
      (-0.5, "-0.5"), (3.1e-5, "3.1e-05"), (12_345_678, "1.23e+7"), (100.02, "100"),
    ]
    for (value, text) in cases { #expect(Words.brief(value) == text) }
  }

  /// Numbers that are read beside each other have the same digits behind the point, where they are of one size.
  @Test func numbersBesideEachOther() {
    for (values, texts) in [
      ([27.329, 27.419, 25.004, 25.103], ["27.33", "27.42", "25.00", "25.10"]),
      ([9.876, 10.4], ["9.876", "10.400"]), ([20, 30], ["20", "30"]),
      ([6.995, 1234], ["6.995", "1234"]), ([0, 1.5], ["0.0", "1.5"]),
      ([3e-5, 2e-5], ["3e-05", "2e-05"]),
    ] as [([Double], [String])] {
      #expect(values.map { Words.brief($0, beside: values) } == texts)
    }
  }

  private func trimmed(_ text: String) -> String {
    guard text.contains("."), !text.contains("e") else { return text }
    var text = text
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }
}

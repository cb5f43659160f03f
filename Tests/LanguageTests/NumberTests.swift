import Language
import Testing

struct NumberTests {
  @Test(arguments: [
    ("128", 128, Number.Unit.none), ("-3", -3, .none), ("0.5", 0.5, .none), (".5", 0.5, .none),
    ("-.25", -0.25, .none), ("2e-4", 2e-4, .none), ("1E3", 1000, .none), ("1e+2", 100, .none),
    ("4k", 4000, .none), ("4Ki", 4096, .none), ("2.5M", 2_500_000, .none),
    ("1Mi", 1_048_576, .none),
    ("3G", 3e9, .none), ("1Gi", 1_073_741_824, .none), ("1T", 1e12, .none),
    ("5%", 0.05, .percent), ("2e1%", 0.2, .percent),
    ("10B", 10, .bytes), ("1KB", 1000, .bytes), ("1kB", 1000, .bytes), ("1KiB", 1024, .bytes),
    ("24GiB", 25_769_803_776, .bytes),
    ("1MB", 1e6, .bytes), ("1MiB", 1_048_576, .bytes), ("1GB", 1e9, .bytes),
    ("1TiB", 0x1p40, .bytes),
    ("250ms", 0.25, .seconds), ("30s", 30, .seconds), ("2min", 120, .seconds),
    ("1.5h", 5400, .seconds),
  ])
  func values(_ word: String, _ value: Double, _ unit: Number.Unit) throws {
    let number = try #require(Number(word: word))
    #expect(number.value == value)
    #expect(number.unit == unit)
    #expect(number.text == word)
  }

  @Test(arguments: [
    "", "-", ".", "-.", "e5", "1.", "1..2", "1.2.3", "4bit", "2024-01-01", "3.5-mini", "4K", "1e",
    "1e-", "--1", "+1", "0x10", "inf", "nan", "1 k", "٣", "5%%", "1kb",
  ])
  func words(_ word: String) { #expect(Number(word: word) == nil) }

  @Test func wholeNumbers() {
    #expect(Number(word: "4k")?.integer == 4000)
    #expect(Number(word: "1e15")?.integer == 1_000_000_000_000_000)
    #expect(Number(word: "1e16")?.integer == nil)
    #expect(Number(word: "0.5")?.integer == nil)
    #expect(Number(word: "1e999")?.integer == nil)
  }
}

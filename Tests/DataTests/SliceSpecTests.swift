import Data
import Testing

struct SliceSpecTests {
  @Test(
    arguments: [
      (":4096", nil, nil, SliceSpec.Bound.row(4096), ":4096"),
      ("4096:4224", nil, .row(4096), .row(4224), "4096:4224"),
      ("train[:4k]", "train", nil, .row(4000), "train[:4000]"),
      ("train[:4Ki]", "train", nil, .row(4096), "train[:4096]"),
      ("[10:]", nil, .row(10), nil, "10:"),
      ("5%", nil, nil, .percent(5), ":5%"),
      ("validation[5%:7.5%]", "validation", .percent(5), .percent(7.5), "validation[5%:7.5%]"),
      (" test ", "test", nil, nil, "test"),
      (":", nil, nil, nil, ":"),
    ] as [(String, String?, SliceSpec.Bound?, SliceSpec.Bound?, String)])
  func parse(
    _ text: String, _ split: String?, _ lower: SliceSpec.Bound?, _ upper: SliceSpec.Bound?,
    _ written: String
  ) throws {
    let spec = try SliceSpec(text)
    #expect(spec == SliceSpec(split: split, lower: lower, upper: upper))
    #expect(spec.description == written)
    #expect(try SliceSpec(written) == spec)
  }

  @Test(arguments: [
    "", "4096", "a:b", "1:2:3", "train[:5", "train[5]", "-1:4", ":-4", "120%", ":1e3", "nan%",
    ":99999999999999999999", ":9223372036854775807M", ":5kk",
  ])
  func refused(_ text: String) {
    #expect(throws: SliceFailure.self) { try SliceSpec(text) }
  }

  @Test func percentages() throws {
    let folder = try Folder()
    let path = try folder.write("a.txt", (0..<30).map { "\($0)\n\n" }.joined())
    let dataset = try Dataset.open(path)
    #expect(try dataset.slice(SliceSpec("10%")).count == 3)
    #expect(try dataset.slice(SliceSpec("50%:")).texts().first == "15")
    #expect(try dataset.slice(SliceSpec("5%")).count == 2)  // 1.5 rows
    #expect(throws: DatasetFailure.self) { try dataset.slice(SliceSpec("1%")) }
  }
}

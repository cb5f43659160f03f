import Data
import JSON
import Testing

struct DatasetTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func numbers(_ range: Range<Int>) -> String {
    range.map { "{\"n\":\($0)}\n" }.joined()
  }

  private func texts(_ dataset: Dataset?) throws -> [String]? { try dataset?.texts() }

  @Test func slices() throws {
    let all = try Dataset.open(folder.write("a.jsonl", numbers(0..<10)))
    #expect(all.count == 10 && all.label == "a.jsonl" && !all.isChosen)
    let some = try all.slice(3, 8)
    #expect(some.count == 5 && some.label == "a.jsonl[3:8]" && some.isChosen)
    #expect(try some.texts() == ["3", "4", "5", "6", "7"])
    #expect(try some.texts(1..<3) == ["4", "5"])
    #expect(try some.row(0).index == 3)
    #expect(try some.slice(1, 3).texts() == ["4", "5"])
    #expect(try all.slice(7, nil).texts() == ["7", "8", "9"])
    #expect(try all.slice(nil, 2).texts() == ["0", "1"])
    #expect(try all.first(10).count == 10)
    #expect(throws: DatasetFailure.beyondEnd(dataset: "a.jsonl", slice: "8:11", rows: 10)) {
      try all.slice(8, 11)
    }
    #expect(throws: DatasetFailure.beyondEnd(dataset: "a.jsonl[3:8]", slice: ":6", rows: 5)) {
      try some.first(6)
    }
    #expect(throws: DatasetFailure.beyondEnd(dataset: "a.jsonl", slice: "10:", rows: 10)) {
      try all.slice(10, nil)
    }
    for (lower, upper) in [(5, 5), (6, 5)] {
      #expect(
        throws: DatasetFailure.emptySlice(dataset: "a.jsonl", slice: "\(lower):\(upper)", rows: 10)
      ) {
        try all.slice(lower, upper)
      }
    }
    #expect(throws: DatasetFailure.self) { try all.slice(-1, 5) }
    #expect(throws: DatasetFailure.self) { try all.row(10) }
    #expect(throws: DatasetFailure.self) { try all.row(-1) }
    #expect(throws: DatasetFailure.self) { try all.texts(5..<11) }
  }

  @Test func hashesFollowContent() throws {
    let all = try Dataset.open(folder.write("a.jsonl", numbers(0..<10)))
    let copy = try Dataset.open(folder.write("b.jsonl", numbers(0..<10)))
    let array = try Dataset.open(
      folder.write("c.json", "[" + (0..<10).map { "{\"n\":\($0)}" }.joined(separator: ", ") + "]"))
    #expect(try all.contentHash() == copy.contentHash())
    #expect(try all.contentHash() == array.contentHash())
    let longer = try Dataset.open(folder.write("d.jsonl", numbers(0..<20)))
    #expect(try longer.first(10).contentHash() == all.contentHash())
    let hashes = try [
      all, all.first(9), all.slice(1, 10), longer, all.with(template: Template("{n}")),
      all.with(template: Template("{n} ")), .random(seed: 1), .random(seed: 2),
      Dataset.random(seed: 1).first(5),
    ].map { try $0.contentHash() }
    #expect(Set(hashes).count == hashes.count)
    #expect(hashes.allSatisfy { $0.count == 64 })
  }

  @Test func roles() throws {
    let path = try folder.write("a.jsonl", numbers(0..<10))
    let plain = try Dataset.open(path)
    #expect(try plain.rows(for: .train)?.count == 10)
    #expect(try plain.rows(for: .test)?.count == 10)
    #expect(try plain.rows(for: .eval) == nil)

    let cut = try Dataset.open(
      path,
      DatasetOptions(
        name: "ten", train: SliceSpec(":4"), eval: SliceSpec("train[4:6]"), test: SliceSpec("80%:"))
    )
    #expect(try texts(cut.rows(for: .train)) == ["0", "1", "2", "3"])
    #expect(try texts(cut.rows(for: .eval)) == ["4", "5"])
    #expect(try texts(cut.rows(for: .test)) == ["8", "9"])
    #expect(try cut.named("test").label == "ten[8:10]")
    #expect(try cut.named("train").slice(1, 3).texts() == ["1", "2"])
    // What was chosen by hand is taken as it is.
    let chosen = try cut.slice(5, 7)
    #expect(try texts(chosen.rows(for: .test)) == ["5", "6"])
    #expect(try texts(chosen.rows(for: .train)) == ["5", "6"])
    #expect(try chosen.rows(for: .eval) == nil)

    #expect(throws: DatasetFailure.self) {
      try Dataset.open(path, DatasetOptions(test: SliceSpec("5:11")))
    }
    #expect(throws: DatasetFailure.self) {
      try Dataset.open(path, DatasetOptions(eval: SliceSpec("validation")))
    }
    #expect(throws: DatasetFailure.noSplit(dataset: "a.jsonl", name: "dev", available: ["train"])) {
      try plain.named("dev")
    }
  }

  @Test func hubFolder() throws {
    try folder.write("README.md", "# data")
    try folder.write("dataset_infos.json", "{}")
    try folder.write(".gitattributes", "x")
    try folder.write("data/train-00001-of-00002.jsonl", numbers(3..<5))
    try folder.write("data/train-00000-of-00002.jsonl.gz", gzip(numbers(0..<3)))
    try folder.write("data/validation-00000-of-00001.jsonl", numbers(10..<12))
    try folder.write("data/test-00000-of-00001.jsonl", numbers(20..<21))
    let dataset = try Dataset.open(folder.path, DatasetOptions(name: "d"))
    #expect(dataset.splitNames == ["train", "validation", "test"])
    #expect(dataset.split == "train" && dataset.label == "d.train")
    #expect(try dataset.texts() == ["0", "1", "2", "3", "4"])
    #expect(try dataset.slice(2, 4).texts() == ["2", "3"])
    #expect(try dataset.named("test").texts() == ["20"])
    #expect(try dataset.named("test").label == "d.test")
    #expect(try dataset.named("validation").slice(1, nil).label == "d.validation[1:2]")
    #expect(try texts(dataset.rows(for: .eval)) == ["10", "11"])
    #expect(try texts(dataset.rows(for: .test)) == ["20"])
    #expect(try texts(dataset.slice(SliceSpec("validation[:1]"))) == ["10"])
    let test = try Dataset.open(folder.path, DatasetOptions(split: "test"))
    #expect(try test.texts() == ["20"])
    let one = try Dataset.open(folder.write("all.jsonl", numbers(0..<5)))
    #expect(try one.contentHash() == dataset.contentHash())
  }

  @Test func flatFolder() throws {
    try folder.write("dev.csv", "text,n\na,1\n")
    try folder.write("train.csv", "text\nb\n")
    try folder.write("notes.txt", "x")
    let dataset = try Dataset.open(folder.path)
    #expect(dataset.splitNames == ["train", "validation"])
    #expect(try dataset.texts() == ["b"])
    #expect(try dataset.named("dev").texts() == ["a"])
    #expect(try dataset.named("dev").columns == ["text", "n"])
  }

  @Test func foldersThatAreNoDataset() throws {
    #expect(throws: DatasetFailure.self) { try Dataset.open(folder.path) }
    try folder.write("data/train-00000-of-00003.jsonl", numbers(0..<1))
    try folder.write("data/train-00002-of-00003.jsonl", numbers(0..<1))
    #expect(
      throws: DatasetFailure.missingShards(
        folder: folder.path, names: ["data/train-00001-of-00003.jsonl"])
    ) { try Dataset.open(folder.path) }
    let several = try Folder()
    try several.write("small/train.jsonl", numbers(0..<1))
    try several.write("large/train.jsonl", numbers(0..<2))
    #expect(
      throws: DatasetFailure.severalConfigurations(folder: several.path, names: ["large", "small"])
    ) { try Dataset.open(several.path) }
    #expect(try Dataset.open("\(several.path)/large").count == 2)
    #expect(try Dataset.open(several.path, DatasetOptions(config: "small")).count == 1)
    for name in ["tiny", "../x", ".", ""] {
      #expect(
        throws: DatasetFailure.noConfiguration(
          folder: several.path, name: name, available: ["large", "small"])
      ) { try Dataset.open(several.path, DatasetOptions(config: name)) }
    }
    let parquet = try Folder()
    try parquet.write("data/train-00000-of-00001.parquet", "PAR1")
    #expect(throws: DatasetFailure.self) { try Dataset.open(parquet.path) }
    let empty = try Folder()
    try empty.write("train.jsonl", numbers(0..<1))
    try empty.write("test.jsonl", "")
    let half = try Dataset.open(empty.path)
    #expect(throws: DatasetFailure.self) { try half.named("test") }
  }

  @Test func textOfColumns() throws {
    let path = try folder.write(
      "a.jsonl", "{\"q\":\"x\",\"a\":null,\"n\":1}\n{\"q\":\"y\",\"late\":[1,\"z\"]}\n")
    let dataset = try Dataset.open(path)
    #expect(dataset.columns == ["q", "a", "n", "late"])
    #expect(throws: DatasetFailure.noText(dataset: "a.jsonl", columns: dataset.columns)) {
      try dataset.text(at: 0)
    }
    #expect(try dataset.with(field: "q").texts() == ["x", "y"])
    let rendered = try dataset.with(template: Template("{q}|{a}|{n}|{late}"))
    #expect(try rendered.texts() == ["x||1|", "y|||[1, 'z']"])
    let unknown = UnknownColumn(
      column: "prompt", columns: ["q", "a", "n", "late"], dataset: "a.jsonl")
    #expect(throws: unknown) { try dataset.with(template: Template("{q} {prompt}")) }
    #expect(throws: unknown) { try dataset.with(field: "prompt") }
    #expect(throws: unknown) {
      try Dataset.open(path, DatasetOptions(template: Template("{prompt}")))
    }
    let text = try Dataset.open(folder.write("b.jsonl", "{\"id\":1,\"text\":\"t\"}\n"))
    #expect(try text.text(at: 0) == "t")
    #expect(text.textColumn == "text")
  }

  @Test func responses() throws {
    let path = try folder.write("a.jsonl", "{\"q\":\"é?\",\"response\":\"日 ok\"}\n")
    let dataset = try Dataset.open(
      path, DatasetOptions(template: Template("Q: {q}\nA: {response} {{end}}")))
    let (text, range) = try dataset.response(at: 0)
    #expect(text == "Q: é?\nA: 日 ok {end}")
    #expect(String(decoding: Array(text.utf8)[range], as: UTF8.self) == "日 ok")
    let segments = try dataset.segments(at: 0)
    #expect(segments.map(\.text) == ["Q: ", "é?", "\nA: ", "日 ok", " {end}"])
    #expect(segments.map(\.column) == [nil, "q", nil, "response", nil])
    let plain = try dataset.with(field: "q")
    #expect(try plain.response(at: 0).range == 0..<3)
  }

  @Test func randomTokens() throws {
    let random = Dataset.random(seed: 7)
    #expect(random.isRandomTokens && random.kind == .randomTokens(seed: 7))
    #expect(random.label == "random")
    #expect(try random.first(64).label == "random[:64]")
    #expect(try random.first(64).count == 64)
    #expect(try random.named("test").isRandomTokens)
    #expect(try random.rows(for: .train)?.isRandomTokens == true)
    #expect(throws: DatasetFailure.noRowsInRandom(dataset: "random")) { try random.text(at: 0) }
    #expect(throws: DatasetFailure.noRowsInRandom(dataset: "random")) { try random.row(0) }
    #expect(throws: DatasetFailure.noRowsInRandom(dataset: "random")) { try random.checkText() }
  }
}

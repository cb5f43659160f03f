import Glibc
import JSON
import Runtime
import Testing

@testable import Data

struct FormatTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func open(_ name: String, _ text: String) throws -> Dataset {
    try Dataset.open(folder.write(name, text))
  }

  private func rows(_ dataset: Dataset) throws -> [JSON] {
    try (0..<dataset.count).map { .object(try dataset.row($0).values) }
  }

  /// The same two rows in every format that has columns.
  @Test(arguments: [
    ("a.jsonl", "{\"q\":\"é\\n1\",\"a\":\"x,y\"}\n\n{\"q\":\"日\",\"a\":\"\\\"\"}\n"),
    ("a.ndjson", "\u{FEFF}{\"q\":\"é\\n1\",\"a\":\"x,y\"}\r\n  \r\n{\"q\":\"日\",\"a\":\"\\\"\"}"),
    ("a.json", "[\n{\"q\":\"é\\n1\",\"a\":\"x,y\"},\n {\"q\":\"日\",\"a\":\"\\\"\"} ]\n"),
    (
      "b.json",
      "{\"v\":[1,[2]],\"m\":{\"data\":[3]},\"data\":[{\"q\":\"é\\n1\",\"a\":\"x,y\"},{\"q\":\"日\",\"a\":\"\\\"\"}],\"z\":1}"
    ),
    ("lines.json", "{\"q\":\"é\\n1\",\"a\":\"x,y\"}\n{\"q\":\"日\",\"a\":\"\\\"\"}\n"),
    ("a.csv", "q,a\n\"é\n1\",\"x,y\"\n日,\"\"\"\"\n"),
    ("crlf.csv", "\u{FEFF}\"q\",a\r\n\"é\n1\",\"x,y\"\r\n\r\n日,\"\"\"\"\r\n"),
    ("a.tsv", "q\ta\n\"é\n1\"\tx,y\n日\t\"\"\"\""),
    ("a.yaml", "- q: \"é\\n1\"\n  a: x,y\n- q: 日\n  a: '\"'\n"),
    ("a.yml", "---\ndata:\n  - {q: \"é\\n1\", a: \"x,y\"}\n  - {q: 日, a: \"\\\"\"}\n...\n"),
    ("nameless", "[{\"q\":\"é\\n1\",\"a\":\"x,y\"},{\"q\":\"日\",\"a\":\"\\\"\"}]"),
    ("nameless.lines", "{\"q\":\"é\\n1\",\"a\":\"x,y\"}\n{\"q\":\"日\",\"a\":\"\\\"\"}\n"),
  ]) func sameRows(_ name: String, _ text: String) throws {
    let expected: [JSON] = [["q": "é\n1", "a": "x,y"], ["q": "日", "a": "\""]]
    let plain = try open(name, text)
    #expect(plain.columns == ["q", "a"])
    #expect(try rows(plain) == expected)
    let packed = try Dataset.open(folder.write(name + ".gz", gzip(text)))
    #expect(packed.columns == ["q", "a"])
    #expect(try rows(packed) == expected)
    #expect(try packed.contentHash() == plain.contentHash())
  }

  @Test func paragraphs() throws {
    let dataset = try open("a.txt", "\n one\r\ntwo  \n \t\n\nthree é\r\n\r\n")
    #expect(dataset.columns == ["text"])
    #expect(try dataset.texts() == [" one\ntwo  ", "three é"])
    #expect(try dataset.originalText() == "\n one\r\ntwo  \n \t\n\nthree é\r\n\r\n")
    #expect(try dataset.first(1).originalText() == nil)
  }

  @Test func wikiTextLines() throws {
    let dataset = try open("wiki.test.raw", " \n = A = \n \n text\nend")
    #expect(try dataset.texts() == ["", " = A = \n", "", " text\n", "end"])
    #expect(dataset.split == "test")
  }

  @Test func csvKeepsValuesAsTheyStand() throws {
    let dataset = try open("a.csv", ",n,s\n0,007,\n1,5\" disk, b \n")
    #expect(dataset.columns == ["Unnamed: 0", "n", "s"])
    #expect(try dataset.row(0)["n"] == "007")
    #expect(try dataset.row(0)["s"] == "")
    #expect(try dataset.row(1)["n"] == "5\" disk")
    #expect(try dataset.row(1)["s"] == " b ")
  }

  @Test func yamlScalars() throws {
    let text = """
      - &first {i: -12, h: 0x1F, o: 0o17, f: 1.5e3, t: true, n: ~, s: yes, v: 1.2.3, q: "7", x: !!str 5}
      - <<: *first
        i: 1
        inf: -.inf
        block: |
          a
            b
      - *first
      """
    let dataset = try open("a.yaml", text)
    let row = try dataset.row(0)
    #expect(row["i"] == -12 && row["h"] == 31 && row["o"] == 15 && row["f"] == 1500.0)
    #expect(row["t"] == true && row["n"] == .null && row["s"] == "yes" && row["v"] == "1.2.3")
    #expect(row["q"] == "7" && row["x"] == "5")
    #expect(try dataset.row(1)["i"] == 1)
    #expect(try dataset.row(1)["h"] == 31)
    #expect(try dataset.row(1)["inf"] == .number(-.infinity))
    #expect(try dataset.row(1)["block"] == "a\n  b\n")
    #expect(try dataset.row(2).values == row.values)
  }

  /// Each text is wrong on the line given; the failure says so, when the file is opened or the row is reached.
  @Test(arguments: [
    ("a.jsonl", "{\"a\":1}\n\n{\"a\" 2}\n", 3, "{\"a\" 2}"),
    ("a.jsonl", "{\"a\":1}\n{\"a\":", 2, "{\"a\":"),
    ("a.jsonl", "{\"a\":1}\n[1]\n", 2, "an array"),
    ("a.jsonl", "{\n\"a\":1}\n", 1, "not valid JSON"),
    ("a.json", "[{\"a\":1},\n{\"a\":2},\n{\"a\" 3}]", 3, "not valid JSON"),
    ("a.json", "[{\"a\":1},\n\n,{\"a\":2}]", 3, "missing"),
    ("a.json", "[{\"a\":1},\n]", 2, "missing"),
    ("a.json", "[{\"a\":1}\n", 2, "too early"),
    ("a.json", "[{\"a\":\"1}\n]", 2, "too early"),
    ("a.json", "[{\"a\":1}]\n\nx", 3, "after the document"),
    ("a.json", "[{\"a\":1}}\n", 1, "bracket"),
    ("a.json", "[{\"a\":1},\n 5]", 2, "a number"),
    ("a.json", "{\"rows\":[{\"a\":1}]}", 1, "rows"),
    ("a.json", "\n\"text\"", 2, "array of objects"),
    ("a.csv", "a,b\n1,2\n\n3\n", 4, "1 field,"),
    ("a.csv", "a,b\n1,\"2\n\n3,4\n", 2, "never closed"),
    ("a.csv", "a,b\n\"1\n\n\"x,2\n", 4, "closing quote"),
    ("a.csv", "a,b,a\n1,2,3\n", 1, "`a` twice"),
    ("a.tsv", "a\tb\n1,2\n", 2, "1 field,"),
    ("a.yaml", "- a: 1\n- b: [1, 2\n- c: 3\n", 3, "YAML"),
    ("a.yaml", "- a: 1\n- text\n", 2, "a string"),
    ("a.yaml", "a: 1\nb: 2\n", 1, "an object"),
    ("a.yaml", "- a: 1\n  a: 2\n", 2, "twice"),
    ("a.yaml", "- a: *x\n", 1, "*x"),
    ("a.yaml", "- a: &x\n  - *x\n", 2, "*x"),
    ("a.yaml", "- a: !!python/object:os.system x\n", 1, "python/object"),
    ("a.yaml", "- a: 1\n---\n- a: 2\n", 2, "second"),
  ]) func malformed(_ name: String, _ text: String, _ line: Int, _ part: String) throws {
    for (file, bytes) in [(name, Array(text.utf8)), (name + ".gz", gzip(text))] {
      let path = try folder.write(file, bytes)
      let failure = #expect(throws: DatasetFailure.self) {
        let dataset = try Dataset.open(path)
        for index in 0..<dataset.count { _ = try dataset.row(index) }
      }
      guard let failure else { return }
      #expect(failure.message.hasPrefix("\(path):\(line): "), "\(failure.message)")
      #expect(failure.message.contains(part), "\(failure.message)")
    }
  }

  @Test func laterRowsFailWhenReached() throws {
    let good = (0..<100).map { "{\"a\":\($0)}\n" }.joined()
    let dataset = try open("a.jsonl", good + "{\"a\":\n{\"a\":101}\n")
    #expect(dataset.count == 102)
    #expect(try dataset.row(99)["a"] == 99)
    #expect(try dataset.row(101)["a"] == 101)
    let failure = #expect(throws: DatasetFailure.self) { try dataset.row(100) }
    #expect(failure?.message.contains("a.jsonl:101: not valid JSON") == true)
  }

  @Test(arguments: ["a.jsonl", "a.csv", "a.txt"]) func badUTF8(_ name: String) throws {
    let head = name == "a.jsonl" ? "{\"a\":\"" : "a\n\nb "
    let tail = name == "a.jsonl" ? "\"}\n" : "\n"
    let path = try folder.write(name, Array(head.utf8) + [0xE9, 0x20] + Array(tail.utf8))
    let failure = #expect(throws: DatasetFailure.self) {
      let dataset = try Dataset.open(path)
      for index in 0..<dataset.count { _ = try dataset.row(index) }
    }
    let line = name == "a.jsonl" ? 1 : 3
    #expect(failure?.message.hasPrefix("\(path):\(line): ") == true, "\(failure?.message ?? "")")
  }

  @Test(arguments: ["", "\n \n", "\u{FEFF}"]) func emptyFiles(_ text: String) throws {
    for name in ["a.jsonl", "a.json", "a.csv", "a.yaml", "a.txt", "nameless"] {
      for path in [
        try folder.write(name, text), try folder.write("\(name).gz", gzip(text)),
      ] {
        #expect(throws: DatasetFailure.noRows(source: path)) { try Dataset.open(path) }
      }
    }
    for (name, text) in [("b.json", "[]"), ("b.csv", "a,b\n"), ("b.yaml", "[]")] {
      let path = try folder.write(name, text)
      #expect(throws: DatasetFailure.noRows(source: path)) { try Dataset.open(path) }
    }
  }

  @Test func yamlBombsAreRefused() throws {
    var bomb = "- a: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      let items = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      bomb += "- a: &a\(level) [\(items)]\n"
    }
    let failure = #expect(throws: DatasetFailure.self) { try open("a.yaml", bomb) }
    #expect(failure?.message.contains("expand") == true)
    let deep = "- a: " + String(repeating: "[", count: 20_000)
    #expect(throws: DatasetFailure.self) { try open("b.yaml", deep) }
  }

  @Test func deepJSONIsRefused() throws {
    let nested = String(repeating: "[", count: 100_000)
    #expect(throws: DatasetFailure.self) { try open("a.json", "[{\"a\":" + nested) }
    #expect(throws: DatasetFailure.self) { try open("a.jsonl", "{\"a\":" + nested) }
  }

  @Test func damagedGzip() throws {
    let text = (0..<2000).map { "{\"a\":\($0 &* 7919 % 1009)}\n" }.joined()
    let whole = gzip(text)
    let isDamaged = { (bytes: [UInt8]) in
      let path = try self.folder.write("a.jsonl.gz", bytes)
      let failure = #expect(throws: DatasetFailure.self) { try Dataset.open(path) }
      guard case .damagedGzip = failure else { return false }
      return true
    }
    for length in [1, 2, 5, 12, 100, whole.count / 2, whole.count - 9, whole.count - 1] {
      #expect(try isDamaged(Array(whole[..<length])), "\(length) bytes")
    }
    var flipped = whole
    flipped[whole.count - 6] ^= 1
    #expect(try isDamaged(flipped))
    #expect(try isDamaged(whole + Array("x".utf8)))
    // Members in a row and padding are gzip too.
    let two = try Dataset.open(folder.write("b.jsonl.gz", whole + whole + [0, 0, 0]))
    #expect(two.count == 4000)
    #expect(try two.row(3999)["a"]?.intValue == 1999 &* 7919 % 1009)
  }

  @Test func bombsInGzipAreRefused() throws {
    let path = try folder.write("a.txt.gz", gzip(String(repeating: "a", count: 3 << 20)))
    let descriptor = Glibc.open(path, O_RDONLY)
    defer { close(descriptor) }
    #expect(throws: DatasetFailure.self) {
      try Gzip.inflate(descriptor: descriptor, path: path, limit: 2 << 20)
    }
    #expect(try Gzip.inflate(descriptor: descriptor, path: path, limit: 3 << 20).count == 3 << 20)
  }

  @Test func foreignFiles() throws {
    for (name, bytes) in [
      ("a.parquet", Array("PAR1".utf8)), ("nameless", Array("PAR1xxxx".utf8)),
      ("b", [1, 0, 2]), ("a.jsonl.zst", [0x28]), ("c.txt", [0xFF, 0xFE, 0x41, 0x00]),
    ] {
      let failure = #expect(throws: DatasetFailure.self) {
        try Dataset.open(folder.write(name, bytes))
      }
      guard case .unsupported = failure else {
        Issue.record("\(name): \(failure?.message ?? "accepted")")
        continue
      }
    }
    #expect(throws: DatasetFailure.self) { try Dataset.open("\(folder.path)/absent.jsonl") }
    #expect(throws: DatasetFailure.self) { try Dataset.open("/dev/zero") }
    let pipe = "\(folder.path)/pipe.jsonl"
    mkfifo(pipe, 0o600)
    #expect(throws: DatasetFailure.self) { try Dataset.open(pipe) }
  }

  /// Beyond the size that is held in memory, rows are read from the file.
  @Test func largeFilesAreReadAsNeeded() throws {
    let filler = String(repeating: "x", count: 60_000)
    let count = ByteSource.memoryLimit / 60_000 + 3
    let text = (0..<count).map { "{\"i\":\($0),\"s\":\"\(filler)\"}\n" }.joined()
    let path = try folder.write("large.jsonl", "\u{FEFF}" + text + "{\"i\":")
    let dataset = try Dataset.open(path)
    #expect(dataset.count == count + 1)
    for index in [0, 1, count / 2, count - 1] {
      #expect(try dataset.row(index)["i"]?.intValue == index)
      #expect(try dataset.row(index)["s"]?.stringValue == filler)
    }
    let failure = #expect(throws: DatasetFailure.self) { try dataset.row(count) }
    #expect(failure?.message.hasPrefix("\(path):\(count + 1): ") == true)
    let gzipped = try Dataset.open(folder.write("large.jsonl.gz", gzip(text)))
    #expect(try gzipped.contentHash() == dataset.first(count).contentHash())
    // Shortened behind its back: a failure, not a crash.
    #expect(truncate(path, 1000) == 0)
    #expect(throws: DatasetFailure.changed(path: path)) { try dataset.row(count - 1) }
  }
}

import JSON
import Language
import Runtime
import Session
import Synchronization
import Testing

@testable import Console

/// What a screen wrote to its two streams.
private final class Streams: Sendable {
  private let texts = Mutex((out: "", err: ""))
  var out: String { texts.withLock { $0.out } }
  var err: String { texts.withLock { $0.err } }

  func screen(_ change: (inout Screen.Style) -> Void = { _ in }) -> Screen {
    var style = Screen.Style()
    change(&style)
    return Screen(
      style: style, out: { text in self.texts.withLock { $0.out += text } },
      err: { text in self.texts.withLock { $0.err += text } })
  }
}

@Suite struct ScreenTests {
  private static func report(_ value: Double, label: String? = nil) -> Report {
    var report = Report(
      value: value,
      fields: JSONObject([
        ("nll", .number(3.14159265)), ("tokens", 120), ("loss", .array([1, 2])),
      ]), notes: ["cached"])
    report.verb = "ppl"
    report.label = label
    report.model = "phi → gptq w4"
    report.device = "cpu"
    report.seconds = 0.5
    return report
  }

  private static let table = Table(
    rows: [
      Table.Row(label: "base", result: .report(report(22.6))),
      Table.Row(label: "q → ft, \"quoted\"", result: .report(report(1234.5678))),
    ], model: "phi")

  @Test func reportsForPeople() {
    let streams = Streams()
    streams.screen().show(Self.report(22.63581))
    #expect(
      streams.out == """
        ppl  phi → gptq w4  0.5 s
          value   22.6358
          nll     3.14159
          tokens  120
          loss    2 values
        note: cached

        """)
  }

  /// On a terminal no word is cut at the right border; what is aligned by blanks is left alone.
  @Test func sentencesAreWrapped() {
    let text = "one sentence of several words\n  aligned   by blanks, and longer than the width"
    let report = Report(
      fields: JSONObject(), display: [.text(text)], notes: ["and a longer note too"])
    var drawing = ReportText(width: 16, ink: Ink(isOn: false))
    #expect(drawing.text(report).contains("one sentence of several words\n"))
    drawing.wraps = true
    let lines = drawing.text(report).split(separator: "\n").map(String.init)
    #expect(lines.contains("one sentence of") && lines.contains("several words"))
    #expect(lines.contains("note: and a longer") && lines.contains("note too"))
    #expect(lines.contains("  aligned   by blanks, and longer than the width"))
  }

  /// A branch's lines and a table's facts too, the head line between its parts.
  @Test func briefLinesAreWrapped() {
    var report = Self.report(22.63581, label: "q → ft")
    report.value = nil
    report.display = [.text("a sentence of a few words")]
    var drawing = ReportText(width: 24, ink: Ink(isOn: false))
    drawing.wraps = true
    #expect(
      drawing.text(report) == """
        q → ft: ppl
          phi → gptq w4  0.5 s
          cached
        a sentence of a few
        words
        """)
    report.model = "phi → gptq w4 g128 → lora r64 100 steps"
    report.label = nil
    report.notes = []
    #expect(
      drawing.text(report) == """
        ppl
          phi → gptq w4 g128 →
          lora r64 100 steps
          0.5 s
        a sentence of a few
        words
        """)
    let lines = drawing.text(Self.table).split(separator: "\n")
    #expect(lines.allSatisfy { $0.displayWidth <= 24 }, "\(lines)")
  }

  /// In a branch a line does, with what must be known.
  @Test func reportsOfBranchesAreBrief() {
    let streams = Streams()
    var report = Self.report(22.63581, label: "q → ft")
    report.display = [.text("a sentence\nand another"), .grid(Grid(rows: [["a", "b"]]))]
    report.notes += ["defaults of demo: length=256", "warning: nearly a no-op"]
    streams.screen().show(report)
    report.value = nil
    streams.screen().show(report)
    #expect(
      streams.out == """
        q → ft: ppl 22.6358  phi → gptq w4  0.5 s  cached
        warning: nearly a no-op
        q → ft: ppl  phi → gptq w4  0.5 s  cached
        a sentence
        warning: nearly a no-op

        """)
  }

  @Test func tablesForPeople() {
    let streams = Streams()
    streams.screen().show(Self.table)
    #expect(
      streams.out == """
        phi
        nll: 3.14159
        tokens: 120
        label                 ppl  seconds  model
        base                22.60     0.50  phi → gptq w4
        q → ft, "quoted"  1234.57     0.50  phi → gptq w4

        """)
  }

  @Test func gridsAreCutToTheWidth() {
    let grid = Grid(rows: [["a", String(repeating: "long ", count: 40)]])
    let lines = grid.lines(width: 40, ink: Ink(isOn: false))
    #expect(lines.count == 1 && lines[0].count == 40 && lines[0].hasSuffix("…"))
  }

  /// What is explained is not cut: a parameter's range and default stand at the end.
  @Test func sentencesOfAGridGoOnBelow() {
    let grid = Grid(
      rows: [["  bits", "bits per weight (2, 3, 4, 8; default 4)"], ["  skip", "none"]], wraps: true
    )
    #expect(
      grid.lines(width: 28, ink: Ink(isOn: false)) == [
        "  bits  bits per weight (2,", "        3, 4, 8; default 4)", "  skip  none",
      ])
    #expect(grid.lines(width: 80, ink: Ink(isOn: false)).count == 2)
  }

  /// A fine-tune that evaluates nothing has no column for it.
  @Test func emptyColumnsAreLeftOut() {
    let grid = Grid(columns: ["step", "loss", "eval"], rows: [["1", "2.5", ""], ["2", "", ""]])
      .withoutEmptyColumns
    #expect(grid.columns == ["step", "loss"] && grid.rows == [["1", "2.5"], ["2", ""]])
    #expect(Grid(columns: ["a"], rows: []).withoutEmptyColumns.columns == ["a"])
  }

  @Test func json() throws {
    let streams = Streams()
    let screen = streams.screen { $0.format = .json }
    screen.show(Self.report(2))
    screen.write("streamed text")
    screen.show(.number(Quantity(4)))
    screen.show(Self.table)
    screen.show([Diagnostic(code: "bind.verb", "no verb `x`", at: nil, help: "h")])
    let lines = try streams.out.split(separator: "\n").map { try JSON.parse(String($0)) }
    #expect(lines.count == 4)
    #expect(
      lines[0]["value"] == 2.0 && lines[0]["label"] == .null && lines[0]["notes"]?[0] == "cached")
    #expect(lines[1]["value"] == 4)
    #expect(lines[2]["columns"]?[0] == "label" && lines[2]["rows"]?[1]?[1] == 1234.5678)
    #expect(
      lines[3]["error"] == "bind.verb" && lines[3]["line"] == .null && lines[3]["help"] == "h")
    #expect(streams.err.contains("error: no verb `x`"))
  }

  @Test func csvAndMarkdown() {
    let csv = Streams()
    csv.screen { $0.format = .csv }.show(Self.table)
    #expect(
      csv.out.split(separator: "\n") == [
        "label,value,nll,tokens,seconds,model",
        "base,22.6,3.14159265,120,0.5,phi → gptq w4",
        #""q → ft, ""quoted""",1234.5678,3.14159265,120,0.5,phi → gptq w4"#,
      ])
    let markdown = Streams()
    markdown.screen { $0.format = .md }.show(Self.report(2))
    #expect(
      markdown.out.hasPrefix(
        """
        | verb | label | model | device | seconds | value | nll | tokens |
        | --- | --- | --- | --- | --- | --- | --- | --- |
        | ppl |  | phi → gptq w4 | cpu | 0.5 | 2 | 3.14159265 | 120 |
        """))
  }

  @Test func colours() {
    let streams = Streams()
    streams.screen { $0.hasColor = true }.show(Self.report(2))
    #expect(streams.out.contains("\u{1B}[1mppl\u{1B}[0m"))
    let plain = Streams()
    plain.screen().write("\u{1B}[2Jcleared?\n")
    #expect(!plain.out.contains("\u{1B}"))
  }

  @Test func progressIsRedrawnAndTakenAway() {
    let streams = Streams()
    let screen = streams.screen { $0.redraws = true }
    screen.progress(Progress(stage: "finetune", done: 1, total: 10, unit: "steps", loss: 2.5))
    screen.progress(Progress(stage: "finetune", done: 10, total: 10, unit: "steps", loss: 2.25))
    screen.show(.string("done"))
    #expect(
      streams.err
        == "\r\u{1B}[2Kfinetune  1/10 steps  10%  loss 2.5"
        + "\r\u{1B}[2Kfinetune  10/10 steps  100%  loss 2.25\r\u{1B}[2K")
  }

  @Test func progressInLines() {
    var line = ProgressLine(mode: .lines)
    var shown: [String] = []
    for step in 0...40 {
      let moment = Progress(
        stage: "finetune", done: step, total: 40, unit: "steps", tokens: step * 512)
      if let text = line.update(moment, at: Double(step) / 2, width: 80) { shown.append(text) }
    }
    #expect(shown.count == 10)
    #expect(shown[4] == "finetune  20/40 steps  50%  2 steps/s  1024 tokens/s  ETA 10 s\n")
    var quiet = ProgressLine(mode: .none)
    #expect(
      quiet.update(Progress(stage: "s", done: 1, total: 1, unit: "u"), at: 9, width: 80) == nil)
  }

  /// On narrow terminals a layer's name gives way, then the rates: how far it is and when it ends stay.
  @Test func progressFits() {
    var shown: [Int: String] = [:]
    for width in [100, 80, 60, 40] {
      var line = ProgressLine(mode: .redrawn)
      for layer in 0...12 {
        let moment = Progress(
          stage: "quantize model.layers.3.self_attn.qkv_proj", done: layer, total: 24,
          unit: "layers", tokens: layer * 100)
        if let text = line.update(moment, at: Double(layer), width: width) {
          shown[width] = String(text.dropFirst(5))
        }
      }
      #expect((shown[width]?.displayWidth ?? 0) < width)
    }
    #expect(
      shown[100]
        == "quantize model.layers.3.self_attn.qkv_proj  12/24 layers  50%  1 layers/s  100 tokens/s  ETA 12 s"
    )
    #expect(
      shown[80]
        == "quantize mo…ttn.qkv_proj  12/24 layers  50%  1 layers/s  100 tokens/s  ETA 12 s"
    )
    #expect(shown[60] == "quantize….qkv_proj  12/24 layers  50%  1 layers/s  ETA 12 s")
    #expect(shown[40] == "quan…_proj  12/24 layers  50%  ETA 12 s")
  }

  @Test func times() {
    #expect(
      [0.004, 0.816, 12.4, 185, 3723].map { Words.seconds($0) } == [
        "0 s", "0.82 s", "12 s", "3:05", "1:02:03",
      ])
    #expect(
      [1e-5, 22.63581, 128, 1e20].map { Words.number($0) } == ["1e-05", "22.6358", "128", "1e+20"])
  }

  @Test func columnsOfNumbersShareTheirDigits() {
    #expect(Words.column([100.027, 38.51762]) == ["100.03", "38.52"])
    #expect(Words.column([7211.9, 33.6, 20.83]) == ["7211.90", "33.60", "20.83"])
    #expect(Words.column([7.00449, 7.00512]) == ["7.0045", "7.0051"])
    #expect(Words.column([24, 1000]) == ["24", "1000"])
    // Small ones are not rounded away.
    #expect(Words.column([0.00001, 25.5]) == ["1e-05", "25.5"])
    #expect(Words.column([]) == [])
    #expect(Words.column([.nan, 1.5]) == ["nan", "1.5"])
    #expect(
      [0, 999, 13_631_488, 2.45e9, 999_999_999].map { Words.bytes($0) }
        == ["0 B", "999 B", "13.6 MB", "2.45 GB", "1.00 GB"])
  }

  /// What does not fit beside stands below; nothing is left out, and no number is cut.
  @Test func wideTablesAreStacked() throws {
    let names = ["label"] + (1...12).map { "column \($0)" } + ["model"]
    let rows = ["one", "two"].map { label in
      [label] + (1...12).map { "\(1000 * $0).25" } + ["a lineage that is long, of \(label)"]
    }
    let grid = Grid(columns: names, rows: rows)
    for width in [40, 60, 100] {
      let lines = grid.lines(width: width, ink: Ink(isOn: false))
      #expect(lines.allSatisfy { $0.displayWidth <= width })
      let parts = lines.split(separator: "")
      #expect(parts.count > 1)
      for part in parts {
        #expect(part.map { $0.prefix(5) } == ["label", "one  ", "two  "])
      }
      let words = lines.joined(separator: " ").split(separator: " ")
      for column in 1...12 { #expect(words.count { $0 == "\(1000 * column).25" } == 2) }
      #expect(parts.last?.first?.hasSuffix("model") == true)
    }
    #expect(grid.lines(width: 400, ink: Ink(isOn: false)).count == 3)
    // The labels stay whole as long as they leave room for the rest.
    let long = Grid(
      columns: ["label", "ppl", "model"], rows: [[String(repeating: "x", count: 50), "1.5", "m"]])
    #expect(long.lines(width: 40, ink: Ink(isOn: false)).allSatisfy { $0.displayWidth <= 40 })
  }

  /// Wide characters take two columns wherever a grid is aligned or cut.
  @Test func wideCharactersAlign() {
    let grid = Grid(
      columns: ["名前", "b"], rows: [["量化 🙂", "1.5"], ["x", "22"], ["é\u{301}", "3"]])
    #expect(
      grid.lines(width: 80, ink: Ink(isOn: false)) == [
        "名前       b", "量化 🙂  1.5", "x         22", "é\u{301}          3",
      ])
    let cut = Grid(rows: [[String(repeating: "量", count: 30)]]).lines(
      width: 20, ink: Ink(isOn: false))
    #expect(cut[0].displayWidth <= 20 && cut[0].hasSuffix("…"))
  }

  /// The time of completion is smoothed: a pause moves it by little, and it never runs with the clock's steps.
  @Test func timesLeftAreSteady() {
    var line = ProgressLine(mode: .redrawn)
    var left: [Double] = []
    var now = 0.0
    for step in 0...100 {
      // Steps take 0.1 s and, every tenth, 0.4 s.
      now += step % 10 == 9 ? 0.4 : 0.1
      let moment = Progress(stage: "s", done: step, total: 200, unit: "steps")
      guard let text = line.update(moment, at: now, width: 120),
        let eta = text.firstRange(of: "ETA ").map({ text[$0.upperBound...] })
      else { continue }
      if let seconds = Double(eta.prefix { $0 != " " }) { left.append(now + seconds) }
    }
    // 200 steps end after 26 s.
    let late = left.suffix(50)
    #expect(late.count == 50)
    #expect(late.filter { !(21.5...28.0).contains($0) } == [])
    #expect(zip(late, late.dropFirst()).allSatisfy { abs($1 - $0) < 1.5 })
  }

  @Test func sizesHaveUnits() {
    var line = ProgressLine(mode: .redrawn)
    _ = line.update(
      Progress(stage: "save", done: 0, total: 5_000_000_000, unit: "bytes"), at: 0, width: 99)
    let text = line.update(
      Progress(stage: "save", done: 2_000_000_000, total: 5_000_000_000, unit: "bytes"), at: 4,
      width: 99)
    #expect(text?.hasSuffix("save  2.00 GB of 5.00 GB  40%  500.0 MB/s  ETA 6 s") == true)
  }
}

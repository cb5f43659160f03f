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
    streams.screen().show(Self.report(22.63581, label: "q → ft"))
    #expect(
      streams.out == """
        q → ft: ppl  phi → gptq w4  0.5 s
          value   22.6358
          nll     3.14159
          tokens  120
          loss    2 values
        note: cached

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
        base                 22.6      0.5  phi → gptq w4
        q → ft, "quoted"  1234.57      0.5  phi → gptq w4

        """)
  }

  @Test func gridsAreCutToTheWidth() {
    let grid = Grid(rows: [["a", String(repeating: "long ", count: 40)]])
    let lines = grid.lines(width: 40, ink: Ink(isOn: false))
    #expect(lines.count == 1 && lines[0].count == 40 && lines[0].hasSuffix("…"))
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
    var line = ProgressLine(mode: .lines, width: 80)
    var shown: [String] = []
    for step in 0...40 {
      let moment = Progress(
        stage: "finetune", done: step, total: 40, unit: "steps", tokens: step * 512)
      if let text = line.update(moment, at: Double(step) / 2) { shown.append(text) }
    }
    #expect(shown.count == 10)
    #expect(shown[4] == "finetune  20/40 steps  50%  2 steps/s  1024 tokens/s  ETA 10 s\n")
    var quiet = ProgressLine(mode: .none, width: 80)
    #expect(quiet.update(Progress(stage: "s", done: 1, total: 1, unit: "u"), at: 9) == nil)
  }

  @Test func times() {
    #expect(
      [0.004, 0.816, 12.4, 185, 3723].map { readable(seconds: $0) } == [
        "0 s", "0.82 s", "12 s", "3:05", "1:02:03",
      ])
    #expect(
      [1e-5, 22.63581, 128, 1e20].map { readable($0) } == ["1e-05", "22.6358", "128", "1e+20"])
  }

  @Test func thePromptTranslatesHelp() {
    #expect(Prompt.translated(" ? ppl ") == "help ppl")
    #expect(Prompt.translated("ppl?") == "help ppl")
    #expect(Prompt.translated("generate \"why?") == "generate \"why?")
    #expect(Prompt.translated("?") == "help ")
  }
}

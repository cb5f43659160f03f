import Charts
import Language
import Testing

@testable import Console

@Suite struct ChartTextTests {
  private static let bars = Chart(
    title: "perplexity", quantity: "perplexity",
    bars: [
      Chart.Bar("gptq → ft", 7, interval: 6...8), Chart.Bar("ft → gptq", 12),
    ],
    references: [
      Chart.Reference("base", 25.4, style: .dashed), Chart.Reference("ft", 4.03, style: .solid),
    ], notes: ["whiskers: 95%"])

  private func text(_ chart: Chart, width: Int, isASCII: Bool = false, color: Bool = false)
    -> String
  {
    ChartText(width: width, ink: Ink(isOn: color), isASCII: isASCII).lines(chart)
      .joined(separator: "\n")
  }

  @Test func barsWithWhiskersAndLines() {
    #expect(
      text(Self.bars, width: 45) == """
        perplexity
        gptq → ft ▕████┃█├┼┤                ┊      7
        ft → gptq ▕████┃███████             ┊     12
                  └┴────┴────┴────┴────┴────┴───┴
                   0    5   10   15   20   25  30
                   ┊ base 25.4    ┃ ft 4.03
        whiskers: 95%
        """)
  }

  @Test func asciiForDumbTerminals() {
    let shown = text(Self.bars, width: 45, isASCII: true)
    #expect(
      shown == """
        perplexity
        gptq → ft |####!#[+]                :      7
        ft → gptq |####!#######             :     12
                  ++----+----+----+----+----+---+
                   0    5   10   15   20   25  30
                   : base 25.4    ! ft 4.03
        whiskers: 95%
        """)
  }

  @Test func curvesInDots() {
    let chart = Chart(
      title: "loss", quantity: "nats/token", over: "step",
      curves: [
        Chart.Curve(
          "training", (0...40).map { Chart.Point(x: Double($0), y: 4 - Double($0) / 20) }),
        Chart.Curve("evaluation", [Chart.Point(x: 40, y: 2.5)], isMarked: true),
      ])
    #expect(
      text(chart, width: 40) == """
        loss
        nats/token
        4.0 ┤⠉⠢⠤⡀
            │   ⠑⠒⢢⣀
        3.5 ┤       ⠑⠤⢄
            │          ⠉⠱⣀⣀
            │              ⠣⢄⡀
        3.0 ┤                ⠈⠉⠢⣀
            │                    ⠑⠒⢢
        2.5 ┤                       ⠉⠒⠤⢄      ◆
            │                           ⠑⠢⣀
        2.0 ┤                              ⠉⠢⢄⣀
            └┴───────┴────────┴───────┴───────┴
             0      10       20      30      40
             step    ⣀⠤⠒ training    ◆ evaluation
        """)
    let plain = text(chart, width: 40, isASCII: true)
    #expect(plain.hasPrefix("loss\nnats/token\n4.0 +....\n    |   ....\n3.5 +       ...\n"))
    #expect(plain.unicodeScalars.allSatisfy { $0.isASCII })
  }

  /// Whatever the width, nothing is wider than the terminal.
  @Test(arguments: [40, 60, 80, 200]) func fits(_ width: Int) {
    let wide = Chart(
      title: String(repeating: "题", count: 150), quantity: "q",
      bars: [
        Chart.Bar(String(repeating: "量化 → 微调 ", count: 12), 1e-7),
        Chart.Bar("🙂 b", -3, interval: -4...2), Chart.Bar("c", 123_456_789),
      ], references: [Chart.Reference("base", 5e8, style: .dashed)],
      notes: [String(repeating: "word ", count: 60)])
    for isASCII in [false, true] {
      let lines = ChartText(width: width, ink: Ink(isOn: false), isASCII: isASCII).lines(wide)
      #expect(lines.allSatisfy { $0.displayWidth <= width })
    }
  }
}

import Charts
import FoundationEssentials
import TestSupport
import Testing

@Suite struct SVGTests {
  static let bars = Chart(
    title: "perplexity of tiny-codes[5000:6000]", quantity: "perplexity",
    bars: [
      Chart.Bar("gptq → ft", 7.0045, interval: 6.8...7.2),
      Chart.Bar("ft → \"gptq\" & <b>", 7.02, interval: 6.81...7.24),
    ],
    references: [
      Chart.Reference("base", 25.4, style: .dashed), Chart.Reference("ft", 6.43, style: .solid),
    ], notes: ["whiskers: 95%"])

  static let curves = Chart(
    title: "loss", quantity: "nats/token", over: "step",
    curves: [
      Chart.Curve(
        "training loss", (1...2000).map { Chart.Point(x: Double($0), y: 3 + 1 / Double($0)) }),
      Chart.Curve(
        "evaluation loss", [Chart.Point(x: 1000, y: 3.1), Chart.Point(x: 2000, y: 3)],
        isMarked: true),
    ])

  @Test(arguments: ["bars", "curves"]) func isWellFormed(_ name: String) throws {
    let chart = name == "bars" ? Self.bars : Self.curves
    let svg = chart.svg()
    #expect(svg == chart.svg())
    let parsed = try XMLText(svg)
    #expect(parsed.names.first == "svg" && parsed.names.contains("title"))
    #expect(parsed.attributes["role"] == ["img"])
    // Every identifier that is referred to exists.
    for reference in parsed.attributes["aria-labelledby"]?.first?.split(separator: " ") ?? [] {
      #expect(parsed.attributes["id"]?.contains(String(reference)) == true)
    }
    #expect(svg.contains("prefers-color-scheme:dark"))
  }

  @Test func saysInWordsWhatItShows() {
    #expect(
      Self.bars.summary
        == "Bars of perplexity: gptq → ft 7.005 (6.8 to 7.2), ft → \"gptq\" & <b> 7.020 (6.81 to 7.24). "
        + "Dashed line: base 25.4. Solid line: ft 6.43. whiskers: 95%.")
    #expect(
      Self.curves.summary.hasPrefix(
        "training loss: nats/token from 4 at step 1 to 3.001 at 2000. evaluation loss:"))
  }

  @Test func textIsNoMarkup() {
    let svg = Self.bars.svg()
    #expect(svg.contains("ft → &quot;gptq&quot; &amp; &lt;b&gt;"))
    #expect(!svg.contains("<b>"))
    let odd = Chart(title: "a\u{1B}[2J\u{0}b", quantity: "q", bars: [Chart.Bar("x\ny", 1)])
    #expect(!odd.svg().unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
  }

  @Test func linesAndBarsAreDrawnToScale() throws {
    let parsed = try XMLText(Self.bars.svg())
    let bars = parsed.elements.filter { $0["class"] == "b" }
    #expect(bars.count == 2)
    let heights = bars.compactMap { $0["height"].flatMap(Double.init) }
    #expect(abs(heights[0] / heights[1] - 7.0045 / 7.02) < 1e-3)
    let dashed = try #require(parsed.elements.first { $0["class"] == "d" })
    let base = try #require(dashed["y1"].flatMap(Double.init))
    let top = try #require(bars[0]["y"].flatMap(Double.init))
    // Both are measured from the axis, which lies at 370.
    #expect(abs((370 - base) / (370 - top) - 25.4 / 7.0045) < 1e-2)
  }

  @Test func longCurvesAreThinned() {
    #expect(Self.curves.svg().utf8.count < 20_000)
    let curve = Chart.Curve("c", (0..<1001).map { Chart.Point(x: Double($0), y: 2) })
    #expect(curve.thinned(to: 100).count <= 100)
    #expect(curve.thinned(to: 2000).count == 1001)
    #expect(curve.thinned(to: 100).allSatisfy { $0.y == 2 })
  }

  @Test func whatIsNotFiniteIsLeftOut() {
    let chart = Chart(
      title: "t", quantity: "q",
      bars: [
        Chart.Bar("a", .nan), Chart.Bar("b", .infinity),
        Chart.Bar("c", 1, interval: 0...(.infinity)),
      ])
    #expect(chart.bars == [Chart.Bar("c", 1)])
    #expect(!chart.svg().contains("nan") && !chart.svg().contains("inf"))
    #expect(Chart(title: "t", quantity: "q", bars: []).isEmpty)
  }
}

/// Enough of an XML parser to see that tags balance and attributes are quoted and unique.
struct XMLText {
  var names: [String] = []
  var elements: [[String: String]] = []
  var attributes: [String: [String]] = [:]

  struct Broken: Error { var reason: String }

  init(_ text: String) throws {
    var open: [String] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      let before = rest[..<start]
      guard !before.contains(">") else {
        throw Broken(reason: "a bare > before \(rest.prefix(30))")
      }
      guard let end = rest[start...].firstIndex(of: ">") else { throw Broken(reason: "no >") }
      var tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        guard open.popLast() == String(tag.dropFirst()) else { throw Broken(reason: "\(tag)") }
        continue
      }
      let closes = tag.hasSuffix("/")
      if closes { tag = tag.dropLast() }
      let name = String(tag.prefix { $0 != " " })
      names.append(name)
      if !closes { open.append(name) }
      tag = tag.dropFirst(name.count)
      var own: [String: String] = [:]
      while let equals = tag.firstIndex(of: "=") {
        let key = tag[..<equals].filter { $0 != " " }
        let quoted = tag[tag.index(after: equals)...]
        guard quoted.first == "\"", let close = quoted.dropFirst().firstIndex(of: "\"") else {
          throw Broken(reason: "\(name) \(key) is not quoted")
        }
        guard own[key] == nil else { throw Broken(reason: "\(name) has \(key) twice") }
        own[key] = String(quoted[quoted.index(after: quoted.startIndex)..<close])
        attributes[key, default: []].append(own[key] ?? "")
        tag = quoted[quoted.index(after: close)...]
      }
      elements.append(own)
    }
    guard open.isEmpty else { throw Broken(reason: "open: \(open)") }
  }
}

import Charts
import JSON

extension Chart {
  /// The chart as an entry of the cache holds it.
  var stored: JSON {
    [
      "title": .string(title), "quantity": .string(quantity), "over": .string(over),
      "zero": .bool(beginsAtZero), "notes": .array(notes.map(JSON.string)),
      "bars": .array(
        bars.map { bar in
          let ends = bar.interval.map { [JSON.number($0.lowerBound), .number($0.upperBound)] }
          return [.string(bar.label), .number(bar.value), .array(ends ?? [])]
        }),
      "references": .array(
        references.map {
          [.string($0.label), .number($0.value), .string($0.style.rawValue)]
        }),
      "curves": .array(
        curves.map { curve in
          [
            .string(curve.label), .bool(curve.isMarked),
            .array(curve.points.map { [.number($0.x), .number($0.y)] }),
          ]
        }),
    ]
  }

  /// Nil where the value is no stored chart.
  init?(stored json: JSON) {
    guard let title = json["title"]?.stringValue, let quantity = json["quantity"]?.stringValue,
      let over = json["over"]?.stringValue, let zero = json["zero"]?.boolValue,
      let notes = json["notes"]?.arrayValue?.compactMap(\.stringValue),
      let bars = json["bars"]?.arrayValue?.compactMap(Bar.init(stored:)),
      let references = json["references"]?.arrayValue?.compactMap(Reference.init(stored:)),
      let curves = json["curves"]?.arrayValue?.compactMap(Curve.init(stored:))
    else { return nil }
    if curves.isEmpty {
      self.init(
        title: title, quantity: quantity, bars: bars, references: references, beginsAtZero: zero,
        notes: notes)
    } else {
      self.init(
        title: title, quantity: quantity, over: over, curves: curves, beginsAtZero: zero,
        notes: notes)
    }
  }
}

extension Chart.Bar {
  fileprivate init?(stored json: JSON) {
    guard let label = json[0]?.stringValue, let value = json[1]?.doubleValue,
      let ends = json[2]?.arrayValue?.compactMap(\.doubleValue)
    else { return nil }
    self.init(
      label, value, interval: ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil)
  }
}

extension Chart.Reference {
  fileprivate init?(stored json: JSON) {
    guard let label = json[0]?.stringValue, let value = json[1]?.doubleValue,
      let style = json[2]?.stringValue.flatMap(Chart.LineStyle.init)
    else { return nil }
    self.init(label, value, style: style)
  }
}

extension Chart.Curve {
  fileprivate init?(stored json: JSON) {
    guard let label = json[0]?.stringValue, let isMarked = json[1]?.boolValue,
      let points = json[2]?.arrayValue
    else { return nil }
    self.init(
      label,
      points.compactMap { point in
        guard let x = point[0]?.doubleValue, let y = point[1]?.doubleValue else { return nil }
        return Chart.Point(x: x, y: y)
      }, isMarked: isMarked)
  }
}

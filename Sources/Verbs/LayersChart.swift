import Charts
import JSON
import Session

/// What a report says of each layer, a bar a layer.
struct LayersChart {
  /// Nil where the report has no layers with such a number.
  let chart: Chart?

  /// - Parameter field: Which number of a layer; nil for the first that all of them have.
  init(_ report: Report, field: String?, beginsAtZero: Bool) {
    let layers = report.fields["layers"]?.arrayValue ?? []
    var name = field
    if name == nil, case .object(let object)? = layers.first {
      name = object.first { $0.value.doubleValue != nil }?.key
    }
    guard let name else {
      chart = nil
      return
    }
    let bars = layers.compactMap { layer -> Chart.Bar? in
      guard let label = layer["name"]?.stringValue, let value = layer[name]?.doubleValue else {
        return nil
      }
      return Chart.Bar(Self.brief(label), value)
    }
    guard !bars.isEmpty else {
      chart = nil
      return
    }
    chart = Chart(
      title: "\(name) of each layer" + (report.model.map { ", \($0)" } ?? ""), quantity: name,
      bars: bars, beginsAtZero: beginsAtZero)
  }

  /// `0 self_attn.o_proj` for `model.layers.0.self_attn.o_proj`.
  private static func brief(_ name: String) -> String {
    let parts = name.split(separator: ".")
    guard let place = parts.firstIndex(where: { Int($0) != nil }) else { return name }
    return parts[place] + " " + parts[(place + 1)...].joined(separator: ".")
  }
}

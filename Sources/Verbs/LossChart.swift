import Charts
import JSON
import Session

/// The loss of a fine-tune over its steps, and what was evaluated between them.
struct LossChart {
  /// Nil where there is no step to draw.
  let chart: Chart?

  /// - Parameter fields: Of a report of `finetune`: `loss`, `eval`, `data`.
  init(_ fields: JSONObject) {
    let loss = fields["loss"]?.arrayValue ?? []
    var curves = [
      Chart.Curve(
        "training loss",
        loss.enumerated().compactMap { index, value in
          value.doubleValue.map { Chart.Point(x: Double(index + 1), y: $0) }
        })
    ]
    let held = (fields["eval"]?.arrayValue ?? []).compactMap { entry -> Chart.Point? in
      guard let step = entry["step"]?.doubleValue, let loss = entry["loss"]?.doubleValue else {
        return nil
      }
      return Chart.Point(x: step, y: loss)
    }
    if !held.isEmpty { curves.append(Chart.Curve("evaluation loss", held, isMarked: true)) }
    guard !loss.isEmpty else {
      chart = nil
      return
    }
    let data = fields["data"]?.stringValue.map { " on \($0)" } ?? ""
    chart = Chart(
      title: "loss\(data)", quantity: "nats/token", over: "step", curves: curves)
  }
}

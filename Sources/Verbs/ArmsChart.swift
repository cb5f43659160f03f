import Charts
import Evaluation
import JSON
import Runtime
import Session

#if canImport(Glibc)
  import Glibc
#endif

/// The arms of a table as bars; float models among quantized ones as lines.
struct ArmsChart {
  let chart: Chart

  private struct Arm {
    var label: String
    var value: Double
    var evidence: PerplexityEvidence?
    var interval: ClosedRange<Double>?
  }

  /// - Parameter field: Which number; nil for the headline.
  /// - Throws: `NoNumbers` where no arm has it.
  init(
    _ table: Table, field: String?, whiskers: Plot.Whiskers, beginsAtZero: Bool
  ) throws {
    var arms = table.leaves.compactMap { row -> Arm? in
      guard let value = Self.number(row.result, field) else { return nil }
      var evidence: PerplexityEvidence?
      if field == nil, case .report(let report) = row.result {
        evidence = report.evidence as? PerplexityEvidence
      }
      return Arm(label: row.label, value: value, evidence: evidence)
    }
    guard !arms.isEmpty else { throw NoNumbers(field: field, columns: table.columns) }
    let scores = arms.compactMap(\.evidence?.result.scores)
    let arePerplexities = scores.count == arms.count
    var notes: [String] = []
    if arePerplexities, whiskers != .no {
      let paired = whiskers == .paired ? MeanInterval.paired(scores) : nil
      for index in arms.indices {
        let interval = paired?[index] ?? MeanInterval.of(scores[index])
        arms[index].interval = interval.map { exp($0.lowerBound)...exp($0.upperBound) }
      }
      if arms.contains(where: { $0.interval != nil }) {
        notes.append(
          paired != nil
            ? "whiskers: 95% over the documents, less what all arms have in common"
            : "whiskers: 95% over the documents, each arm alone; `verdict` compares in pairs")
      }
    }
    let isQuantized = arms.map { $0.evidence?.isQuantized ?? true }
    // Without a quantized arm beside them, float models are what the chart is about.
    let hasLines = arePerplexities && isQuantized.contains(true)
    var bars: [Chart.Bar] = []
    var lines: [Chart.Reference] = []
    for (arm, isQuantized) in zip(arms, isQuantized) {
      if hasLines, !isQuantized {
        lines.append(
          Chart.Reference(
            arm.label, arm.value, style: arm.evidence?.isTrained == true ? .solid : .dashed))
      } else {
        bars.append(Chart.Bar(arm.label, arm.value, interval: arm.interval))
      }
    }
    let name = field ?? (arePerplexities ? "perplexity" : table.verb ?? "value")
    let protocols = Set(arms.compactMap(\.evidence?.result.text))
    if protocols.count > 1 { notes.append("the arms were measured with different protocols") }
    let data = Set(arms.compactMap(\.evidence?.data))
    let on = data.count == 1 ? data.first.map { " of \($0)" } ?? "" : ""
    let model = table.model.map { ", \($0)" } ?? ""
    chart = Chart(
      title: name + on + model,
      quantity: arePerplexities
        ? (protocols.count == 1
          ? protocols.first.map { "perplexity, \($0)" } ?? "perplexity" : "perplexity")
        : name,
      bars: bars, references: lines, beginsAtZero: beginsAtZero, notes: notes)
  }

  private static func number(_ result: Datum, _ field: String?) -> Double? {
    switch result {
    case .report(let report):
      guard let field else { return report.value }
      return report.json[field]?.doubleValue
    case .model(let model): return field.flatMap { model.fields[$0]?.doubleValue }
    case .record(let record): return record[field ?? "value"]?.doubleValue
    case .number(let quantity): return field == nil ? quantity.value : nil
    default: return nil
    }
  }
}

struct NoNumbers: Failure {
  var field: String?
  var columns: [String]
  var message: String {
    field.map { "no row of the table has a number `\($0)`" }
      ?? "the table's rows have no headline number"
  }
  var help: String? {
    let names = columns.filter { $0 != "label" && $0 != "model" }
    return names.isEmpty ? nil : "its columns are \(names.joined(separator: ", "))"
  }
}

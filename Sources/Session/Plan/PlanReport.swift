import JSON
import Runtime

/// A plan as people and programs read it.
struct PlanReport {
  private let lines: [StageBook.Line]
  private let room: Int
  private let planning: Double
  private let hasRun: Bool

  /// Seconds below which a stage that makes no model is no news.
  private static let least = 0.02

  init(_ lines: [StageBook.Line], room: Int, planning: Double, hasRun: Bool) {
    self.lines = lines.filter {
      $0.makesModel || $0.isCached || $0.isUnknown || $0.forecast.disk > 0 || $0.forecast.flops > 0
        || $0.forecast.seconds >= Self.least || ($0.seconds ?? 0) >= Self.least
    }
    self.room = room
    self.planning = planning
    self.hasRun = hasRun
  }

  private var total: Forecast {
    lines.reduce(into: Forecast()) { sum, line in
      sum.flops += line.forecast.flops
      sum.moved += line.forecast.moved
      sum.disk += line.forecast.disk
      sum.seconds += line.forecast.seconds
      sum.memory = max(sum.memory, line.forecast.memory)
    }
  }

  private var taken: Double { lines.reduce(0) { $0 + ($1.seconds ?? 0) } }
  private var most: Int? { lines.compactMap(\.memory).max() }
  private var tooLarge: [StageBook.Line] { lines.filter { $0.forecast.memory > room } }

  /// Why the steps should not be run.
  var refusal: TooMuchMemory? {
    tooLarge.first.map {
      TooMuchMemory(
        stage: $0.call, needed: $0.forecast.memory, available: room, advice: $0.advice)
    }
  }

  var report: Report {
    let total = total
    var fields = JSONObject([
      ("stages", .array(lines.map(json))), ("flops", .number(total.flops)),
      ("memory", .int(total.memory)), ("room", .int(room)), ("disk", .int(total.disk)),
      ("fits", .bool(tooLarge.isEmpty)), ("planning_seconds", .number(planning)),
    ])
    if hasRun {
      fields["actual_seconds"] = .number(taken)
      fields["actual_memory"] = most.map(JSON.int) ?? .null
    }
    let cached = lines.count { $0.isCached }
    var text = "about \(Words.seconds(total.seconds)) in all"
    if hasRun { text += ", and it took \(Words.seconds(taken))" }
    if cached > 0 { text += "; \(cached) of \(lines.count) stages are cached" }
    var display: [Display] = [.text(text), .grid(grid)]
    for line in tooLarge {
      display.append(
        .text(
          "`\(line.call)` takes \(Words.bytes(line.forecast.memory)), and there are \(Words.bytes(room))"
            + (line.advice.map { ": try \($0)" } ?? "")))
    }
    let unknown = lines.filter(\.isUnknown).map(\.verb)
    if !unknown.isEmpty {
      display.append(.text("not planned: \(unknown.joined(separator: ", "))"))
    }
    return Report(value: total.seconds, fields: fields, display: display)
  }

  private func json(_ line: StageBook.Line) -> JSON {
    var object = JSONObject([
      ("label", line.label.map(JSON.string) ?? .null), ("verb", .string(line.verb)),
      ("stage", .string(line.call)), ("model", line.model.map(JSON.string) ?? .null),
      ("cached", .bool(line.isCached)), ("flops", .number(line.forecast.flops)),
      ("bytes_moved", .number(line.forecast.moved)), ("memory", .int(line.forecast.memory)),
      ("disk", .int(line.forecast.disk)), ("seconds", .number(line.forecast.seconds)),
    ])
    if line.isUnknown { object["planned"] = false }
    if line.forecast.memory > room { object["advice"] = line.advice.map(JSON.string) ?? .null }
    if hasRun {
      object["actual_seconds"] = line.seconds.map(JSON.number) ?? .null
      object["actual_memory"] = line.memory.map(JSON.int) ?? .null
    }
    return .object(object)
  }

  private var grid: Grid {
    let hasLabels = lines.contains { $0.label != nil }
    let columns =
      (hasLabels ? ["arm"] : []) + ["stage", "FLOPs", "memory", "disk", "time"]
      + (hasRun ? ["took", "memory taken"] : [])
    var rows = lines.map { line -> [String] in
      let forecast = line.forecast
      var cells = hasLabels ? [line.label ?? ""] : []
      cells.append(line.call)
      if line.isUnknown {
        cells += ["?", "?", "?", "?"]
      } else {
        cells += [
          forecast.flops > 0 ? Words.count(forecast.flops) : "", Words.bytes(forecast.memory),
          forecast.disk > 0 ? Words.bytes(forecast.disk) : "",
          line.isCached ? "cached" : Words.seconds(forecast.seconds),
        ]
      }
      if hasRun {
        cells += [line.seconds.map(Words.seconds) ?? "", line.memory.map { Words.bytes($0) } ?? ""]
      }
      return cells
    }
    let total = total
    rows.append(
      (hasLabels ? [""] : []) + [
        "in all", Words.count(total.flops), Words.bytes(total.memory), Words.bytes(total.disk),
        Words.seconds(total.seconds),
      ] + (hasRun ? [Words.seconds(taken), most.map { Words.bytes($0) } ?? ""] : []))
    return Grid(columns: columns, rows: rows)
  }
}

/// Steps that would not fit, and so are not begun.
struct TooMuchMemory: Failure {
  let identifier = "plan.memory"
  var stage: String
  var needed: Int
  var available: Int
  /// What helps: `a smaller batch=`.
  var advice: String?

  var message: String {
    "`\(stage)` would take \(Words.bytes(needed)) of memory, and there are \(Words.bytes(available))"
  }
  var help: String? { advice.map { "try \($0)" } }
}

import Glibc
import Language
import Runtime

/// Turns progress into text: one line that is redrawn on a terminal, a line every tenth elsewhere.
struct ProgressLine {
  enum Mode { case redrawn, lines, none }

  let mode: Mode
  /// Whether the terminal's last line is the progress line.
  private(set) var isDrawn = false
  private var start: Double = 0
  private var pace = Pace()
  private var last: Progress?
  private var lastDrawn = -1.0
  private var lastTenth = 0

  init(mode: Mode) { self.mode = mode }

  /// What to write for a moment of progress at a time in seconds; nil where there is nothing new to say.
  mutating func update(_ progress: Progress, at now: Double, width: Int) -> String? {
    guard mode != .none else { return nil }
    let isNew =
      last.map {
        progress.done < $0.done || progress.unit != $0.unit || progress.total != $0.total
      } ?? true
    if isNew {
      start = now
      pace = Pace()
      lastTenth = 0
      lastDrawn = -1
    }
    last = progress
    pace.add(progress, at: now)
    let isLast = progress.total == progress.done
    switch mode {
    case .none: return nil
    case .redrawn:
      guard isLast || now - lastDrawn >= 0.1 else { return nil }
      lastDrawn = now
      isDrawn = true
      return "\r\u{1B}[2K" + text(progress, at: now, width: width - 1)
    case .lines:
      guard let total = progress.total, total > 0 else { return nil }
      let tenth = progress.done * 10 / total
      guard tenth > lastTenth, now - start >= 1 else { return nil }
      lastTenth = tenth
      return text(progress, at: now) + "\n"
    }
  }

  /// What to write before anything else is: takes the drawn line away.
  mutating func clear() -> String {
    last = nil
    guard isDrawn else { return "" }
    isDrawn = false
    return "\r\u{1B}[2K"
  }

  /// `finetune  40/100 steps  40%  3.1 steps/s  6349 tokens/s  ETA 19 s  loss 2.31`
  ///
  /// Where that is too wide the stage's name gives way first, then the rates: how far it is and when it ends stay.
  private func text(_ progress: Progress, at now: Double, width: Int = .max) -> String {
    var stage = progress.stage.printable
    var parts: [String] = []
    var rates = 0..<0
    let isSize = progress.unit == "bytes"
    func amount(_ count: Double) -> String {
      isSize ? Words.bytes(count) : "\(Words.rate(count)) \(progress.unit)"
    }
    if let total = progress.total, total > 0 {
      parts.append(
        isSize
          ? "\(Words.bytes(Double(progress.done))) of \(Words.bytes(Double(total)))"
          : "\(progress.done)/\(total) \(progress.unit)")
      parts.append("\(min(100, progress.done * 100 / total))%")
    } else {
      parts.append(isSize ? amount(Double(progress.done)) : "\(progress.done) \(progress.unit)")
    }
    if now - start > 0.2 {
      let first = parts.count
      if let rate = pace.rate { parts.append(amount(rate) + "/s") }
      if let rate = pace.tokenRate, progress.unit != "tokens" {
        parts.append("\(Words.rate(rate)) tokens/s")
      }
      rates = first..<parts.count
      if let finish = pace.finish, progress.total != progress.done {
        parts.append("ETA \(Words.seconds(max(finish - now, 0)))")
      }
    }
    if let loss = progress.loss {
      parts.append("loss \(Words.number((loss * 1000).rounded() / 1000))")
    }
    while true {
      let room = width - parts.reduce(0) { $0 + 2 + $1.displayWidth }
      if stage.displayWidth > room, room >= Self.leastStage || rates.isEmpty {
        stage = stage.shortenedInside(to: max(room, rates.isEmpty ? 10 : Self.leastStage))
      }
      guard stage.displayWidth > room, let rate = rates.last else { break }
      parts.remove(at: rate)
      rates.removeLast()
    }
    return ([stage] + parts).joined(separator: "  ").shortened(to: width)
  }

  /// Stages' names are not shortened to less while there is something else to leave out.
  private static let leastStage = 16
}

/// How fast work goes, and when it will be done.
///
/// Rates are those of about the last ten seconds. The time of completion is what is smoothed, not the time left: that
/// one would lag behind the clock.
private struct Pace {
  private var done = 0.0
  private var tokens = 0.0
  private var time = 0.0
  private var last: (progress: Progress, at: Double)?
  /// In the clock's seconds.
  private(set) var finish: Double?

  var rate: Double? { time > 0 && done > 0 ? done / time : nil }
  var tokenRate: Double? { time > 0 && tokens > 0 ? tokens / time : nil }

  mutating func add(_ progress: Progress, at now: Double) {
    defer { last = (progress, now) }
    guard let last, now > last.at else { return }
    let passed = now - last.at
    let kept = exp(-passed / 10)
    done = done * kept + Double(progress.done - last.progress.done)
    tokens = tokens * kept + Double((progress.tokens ?? 0) - (last.progress.tokens ?? 0))
    time = time * kept + passed
    guard let rate, let total = progress.total else { return }
    let estimate = now + Double(total - progress.done) / rate
    finish = finish.map { $0 + (estimate - $0) * (1 - exp(-passed / 3)) } ?? estimate
  }
}

import Language
import Runtime

/// Turns progress into text: one line that is redrawn on a terminal, a line every tenth elsewhere.
struct ProgressLine {
  enum Mode { case redrawn, lines, none }

  let mode: Mode
  let width: Int
  /// Whether the terminal's last line is the progress line.
  private(set) var isDrawn = false
  private var start: Double = 0
  private var first = 0
  private var firstTokens: Int?
  private var last: Progress?
  private var lastDrawn = -1.0
  private var lastTenth = 0

  init(mode: Mode, width: Int) {
    self.mode = mode
    self.width = width
  }

  /// What to write for a moment of progress at a time in seconds; nil where there is nothing new to say.
  mutating func update(_ progress: Progress, at now: Double) -> String? {
    guard mode != .none else { return nil }
    let isNew =
      last.map {
        progress.done < $0.done || progress.unit != $0.unit || progress.total != $0.total
      } ?? true
    if isNew {
      start = now
      first = progress.done
      firstTokens = progress.tokens
      lastTenth = 0
      lastDrawn = -1
    }
    last = progress
    let isLast = progress.total == progress.done
    switch mode {
    case .none: return nil
    case .redrawn:
      guard isLast || now - lastDrawn >= 0.1 else { return nil }
      lastDrawn = now
      isDrawn = true
      return "\r\u{1B}[2K" + text(progress, at: now).shortened(to: width - 1)
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
  private func text(_ progress: Progress, at now: Double) -> String {
    var parts = [progress.stage.printable]
    let elapsed = now - start
    let done = progress.done - first
    let rate = elapsed > 0.2 && done > 0 ? Double(done) / elapsed : nil
    if let total = progress.total, total > 0 {
      parts.append("\(progress.done)/\(total) \(progress.unit)")
      parts.append("\(min(100, progress.done * 100 / total))%")
    } else {
      parts.append("\(progress.done) \(progress.unit)")
    }
    if let rate { parts.append("\(rateText(rate)) \(progress.unit)/s") }
    if let tokens = progress.tokens, let firstTokens, elapsed > 0.2, tokens > firstTokens {
      parts.append("\(rateText(Double(tokens - firstTokens) / elapsed)) tokens/s")
    }
    if let rate, let total = progress.total, total > progress.done {
      parts.append("ETA \(readable(seconds: Double(total - progress.done) / rate))")
    }
    if let loss = progress.loss { parts.append("loss \(rounded(loss, 1000))") }
    return parts.joined(separator: "  ")
  }

  private func rateText(_ rate: Double) -> String {
    rate >= 100 ? "\(Int(rate.rounded()))" : rounded(rate, rate >= 10 ? 10 : 100)
  }
}

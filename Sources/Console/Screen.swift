import JSON
import Language
import Runtime
import Session
import Synchronization

/// Shows a session's reports and progress on two streams.
///
/// Progress may come from any thread; what is written never mixes.
public final class Screen: Presenter {
  /// How reports are written.
  public enum Format: String, Sendable {
    case table, md, csv, json
  }

  public struct Style: Sendable {
    public var format = Format.table
    public var hasColor = false
    /// Colours on the error stream.
    public var errorsHaveColor = false
    /// Columns, where the terminal is not asked.
    public var width = 100
    /// Whether the progress line can be redrawn; else a line every tenth.
    public var redraws = false
    public var isQuiet = false
    /// Whether charts are drawn in ASCII: on terminals that know nothing else.
    public var isASCII = false
    /// Whether sentences are broken between words at the width.
    public var wraps = false

    public init() {}
  }

  public typealias Sink = @Sendable (String) -> Void

  private struct State {
    var progress: ProgressLine
    /// The prompt's number while its input runs and nothing was shown yet.
    var pendingOutput: Int?
    /// Whether text was written that has not ended its line.
    var isMidLine = false
  }

  let style: Style
  private let out: Sink
  private let err: Sink
  /// Columns as they are now.
  private let width: @Sendable () -> Int
  private let state: Mutex<State>
  private let start = ContinuousClock.now

  /// - Parameter width: Asked whenever something is drawn: terminals change. The style's, where nil.
  public init(
    style: Style = Style(), out: @escaping Sink, err: @escaping Sink,
    width: (@Sendable () -> Int)? = nil
  ) {
    self.width = width ?? { style.width }
    self.style = style
    self.out = out
    self.err = err
    let mode: ProgressLine.Mode = style.isQuiet ? .none : style.redraws ? .redrawn : .lines
    state = Mutex(State(progress: ProgressLine(mode: mode)))
  }

  private var drawing: ReportText {
    ReportText(
      width: width(), ink: Ink(isOn: style.hasColor), isASCII: style.isASCII, wraps: style.wraps)
  }

  // MARK: Reports

  public func show(_ report: Report) {
    switch style.format {
    case .table: line(drawing.text(report))
    case .json: line(report.json.text())
    case .md: line(TableFormat.markdown(TableFormat.grid(report)) + "\n")
    case .csv: line(TableFormat.csv(TableFormat.grid(report)))
    }
  }

  public func show(_ table: Table) {
    switch style.format {
    case .table: line(drawing.text(table))
    case .json: line(table.json.text())
    case .md: line(TableFormat.markdown(TableFormat.grid(table)) + "\n")
    case .csv: line(TableFormat.csv(TableFormat.grid(table)))
    }
  }

  public func show(_ value: Datum) {
    switch value {
    case .report(let report): show(report)
    case .table(let table): show(table)
    default:
      switch style.format {
      case .json: line(value.reportJSON.text())
      case .csv: line(TableFormat.csv(Grid(columns: ["value"], rows: [[value.text]])))
      case .table, .md: line(value.text.lineByLine)
      }
    }
  }

  public func write(_ text: String) {
    guard style.format != .json else { return }
    state.withLock { state in
      begin(&state)
      out(text.lineByLine)
      state.isMidLine = !text.hasSuffix("\n")
    }
  }

  // MARK: Diagnostics and progress

  public func show(_ diagnostic: Diagnostic) { show([diagnostic]) }

  /// Errors and warnings: for people on the error stream, and as objects among the reports where those are JSON.
  func show(_ diagnostics: [Diagnostic]) {
    guard !diagnostics.isEmpty else { return }
    let text = diagnostics.map { diagnostic in
      diagnostic.rendered(
        DiagnosticStyle(
          color: style.errorsHaveColor, place: diagnostic.source?.name.hasSuffix(".olv") == true,
          width: width(), wraps: true))
    }.joined(separator: "\n\n")
    state.withLock { state in
      endLine(&state)
      err(state.progress.clear() + text + "\n")
    }
    guard style.format == .json else { return }
    for diagnostic in diagnostics { line(diagnostic.json.text()) }
  }

  public func progress(_ progress: Progress) {
    state.withLock { state in
      let parts = (ContinuousClock.now - start).components
      let now = Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
      if let text = state.progress.update(progress, at: now, width: width()) { err(text) }
    }
  }

  // MARK: The prompt

  /// What is shown first from now on comes after `Out[n]:`.
  func begin(input number: Int) { state.withLock { $0.pendingOutput = number } }

  /// Ends what an input showed: takes progress away, ends an open line.
  public func finish() {
    state.withLock { state in
      err(state.progress.clear())
      endLine(&state)
      state.pendingOutput = nil
    }
  }

  private func line(_ text: String) {
    state.withLock { state in
      endLine(&state)
      begin(&state)
      out(text + "\n")
    }
  }

  private func begin(_ state: inout State) {
    let clear = state.progress.clear()
    if !clear.isEmpty { err(clear) }
    if let number = state.pendingOutput, style.format == .table {
      out(Ink(isOn: style.hasColor).dim("Out[\(number)]:") + "\n")
    }
    state.pendingOutput = nil
  }

  private func endLine(_ state: inout State) {
    if state.isMidLine { out("\n") }
    state.isMidLine = false
  }
}

extension Diagnostic {
  /// The object that programs read.
  var json: JSON {
    JSON.object(
      JSONObject([
        (severity.rawValue, .string(code)), ("message", .string(message)),
        ("line", line.map(JSON.int) ?? .null), ("column", column.map(JSON.int) ?? .null),
        ("label", label.map(JSON.string) ?? .null), ("help", help.map(JSON.string) ?? .null),
        ("notes", .array(notes.map(JSON.string))),
        ("correction", correction.map { JSON.string($0.line) } ?? .null),
      ]))
  }
}

extension String {
  /// Printable text that keeps its lines and tabs: what models generate must not act on the terminal.
  var lineByLine: String {
    split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map(\.printable)
          .joined(separator: "\t")
      }.joined(separator: "\n")
  }
}

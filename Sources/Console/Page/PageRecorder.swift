import Language
import Runtime
import Session
import Synchronization

/// Keeps what a script shows, by the statement that showed it. Progress goes on to the terminal.
final class PageRecorder: Presenter {
  enum Item: Sendable {
    case report(Report)
    case table(Table)
    case value(Datum)
    case text(String)
    case diagnostic(Diagnostic)
  }

  private struct State {
    var items: [(place: Int, item: Item)] = []
    /// Where the running statement begins in the script, and where the last one began that was run.
    var place = 0
    var reached = -1
  }

  private let screen: Screen
  private let state = Mutex(State())

  init(_ screen: Screen) { self.screen = screen }

  func begin(_ statement: Statement) {
    let start = statement.span.start
    state.withLock { state in
      state.place = start
      state.reached = max(state.reached, start)
    }
  }

  func show(_ report: Report) { add(.report(report)) }
  func show(_ table: Table) { add(.table(table)) }
  func show(_ value: Datum) {
    switch value {
    case .report(let report): show(report)
    case .table(let table): show(table)
    default: add(.value(value))
    }
  }
  func write(_ text: String) {
    state.withLock { state in
      if case .text(let before)? = state.items.last?.item, state.items.last?.place == state.place {
        state.items[state.items.count - 1].item = .text(before + text)
      } else {
        state.items.append((state.place, .text(text)))
      }
    }
  }
  func progress(_ progress: Progress) { screen.progress(progress) }
  func show(_ diagnostic: Diagnostic) { add(.diagnostic(diagnostic)) }

  /// An error or a warning, at its own place where the script has it.
  func add(_ diagnostic: Diagnostic, of source: Source) {
    let place = diagnostic.source === source ? diagnostic.span?.start : nil
    state.withLock { state in
      state.items.append((place ?? state.place, .diagnostic(diagnostic)))
    }
  }

  private func add(_ item: Item) {
    state.withLock { state in
      var place = state.place
      // A warning may come before anything runs.
      if case .diagnostic(let diagnostic) = item, state.reached < 0 {
        place = diagnostic.span?.start ?? place
      }
      state.items.append((place, item))
    }
  }

  /// What statements in a part of the script showed.
  func items(in range: Range<Int>) -> [Item] {
    state.withLock { $0.items.filter { range.contains($0.place) }.map(\.item) }
  }

  /// Where the last statement that was begun stands; -1 before the first.
  var reached: Int { state.withLock(\.reached) }
}

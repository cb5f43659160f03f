/// The steps of a loop that may take long: Ctrl-C stops it between two of them, and what takes more than a moment shows how
/// far it is.
///
///     var steps = Steps("tokenize", of: texts.count, unit: "rows")
///     for text in texts {
///       try steps.advance()
///       …
///     }
///
/// For loops that nobody hands a progress handler: they tell whoever listens, see `Progress.listening`.
public struct Steps {
  /// Nothing is shown of what ends sooner.
  static let patience = Duration.milliseconds(300)
  private static let interval = Duration.milliseconds(100)

  private var progress: Progress
  private let listener: ProgressHandler?
  private var next: ContinuousClock.Instant

  /// - Parameters:
  ///   - stage: What is being done: `"tokenize"`.
  ///   - total: How many steps there are, where known.
  ///   - unit: What is counted, in the plural; `"bytes"` are shown as a size.
  public init(_ stage: String, of total: Int?, unit: String) {
    progress = Progress(stage: stage, done: 0, total: total, unit: unit)
    listener = Progress.listener
    next = .now + Self.patience
  }

  /// Goes on to the next step, after `count` were done since the last.
  ///
  /// - Throws: `Cancelled` when an interrupt is pending.
  public mutating func advance(by count: Int = 1) throws {
    try Interrupt.check()
    tell(count)
  }

  /// The same where an interrupt is somebody else's affair.
  public mutating func tell(_ count: Int) {
    progress.done += count
    guard let listener else { return }
    let now = ContinuousClock.now
    guard now >= next else { return }
    next = now + Self.interval
    listener(progress)
  }
}

extension Progress {
  /// Who is told of the steps of this thread's loops.
  @TaskLocal static var listener: ProgressHandler?

  /// Runs `body` with a listener for the steps of its loops.
  public static func listening<Result>(
    _ listener: @escaping ProgressHandler, _ body: () throws -> Result
  ) rethrows -> Result {
    try $listener.withValue(listener, operation: body)
  }
}

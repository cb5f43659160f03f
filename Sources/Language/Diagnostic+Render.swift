/// How a diagnostic is drawn.
public struct DiagnosticStyle: Sendable, Equatable {
  /// Whether to use ANSI colours.
  public var color: Bool
  /// Whether to name the source and the place (`--> file.olv:3:12`).
  public var place: Bool
  /// Source lines are cut to so many columns around the place.
  public var width: Int
  /// Whether sentences are broken between words where they are longer than that.
  public var wraps: Bool

  public init(color: Bool = false, place: Bool = false, width: Int = 120, wraps: Bool = false) {
    self.color = color
    self.place = place
    self.width = width
    self.wraps = wraps
  }
}

extension Diagnostic {
  /// The diagnostic for a terminal, without a trailing newline:
  ///
  ///     error: no quantizer `gtpq`
  ///      1 | load phi; quantize gtpq samples=128
  ///        |                    ^^^^ did you mean `gptq`?
  ///     help: `? quantize` lists them
  ///      try: load phi; quantize gptq samples=128
  public func rendered(_ style: DiagnosticStyle = DiagnosticStyle()) -> String {
    let paint = Paint(isOn: style.color)
    let tint: Paint.Ink = severity == .error ? .red : .yellow
    var lines: [String] = []
    let head = "\(severity.rawValue): "
    let sentence = message.printable
    for (number, row) in broken(sentence, style, head).enumerated() {
      lines.append(
        (number == 0 ? paint("\(severity.rawValue):", tint) + " " : head.blank)
          + paint(row, .bold))
    }
    if let span {
      if style.place {
        lines.append(
          paint(" --> ", .blue) + "\(span.source.name.printable):\(span.line):\(span.column)")
      }
      lines += excerpt(span, style, paint, tint)
    }
    for note in notes { lines += paragraph("note: ", note, style, paint, .blue) }
    if let help { lines += paragraph("help: ", help, style, paint, .green) }
    if let correction {
      // It is there to be copied.
      lines.append(
        paint(" try:", .green) + " " + correction.line.printable.shortened(to: 8 * style.width))
    }
    return lines.joined(separator: "\n")
  }

  private func paragraph(
    _ head: String, _ text: String, _ style: DiagnosticStyle, _ paint: Paint, _ ink: Paint.Ink
  ) -> [String] {
    let parts = text.split(separator: "\n", omittingEmptySubsequences: false)
      .flatMap { broken($0.printable, style, head) }
    return parts.enumerated().map { number, part in
      (number == 0 ? paint(String(head.dropLast()), ink) + " " : head.blank) + part
    }
  }

  /// A sentence in as many rows as it needs behind a head.
  private func broken(_ text: String, _ style: DiagnosticStyle, _ head: String) -> [String] {
    let room = max(style.width - head.count, 20)
    // What is aligned by blanks stays so.
    guard style.wraps, text.displayWidth > room, !text.contains("  ") else { return [text] }
    return text.wrapped(to: room)
  }

  /// The line that the span begins on, and carets below it. A longer span is marked to the end of that line.
  private func excerpt(
    _ span: Span, _ style: DiagnosticStyle, _ paint: Paint, _ tint: Paint.Ink
  ) -> [String] {
    let source = span.source
    let number = span.line
    let range = source.lineRange(number)
    let start = min(max(span.start, range.lowerBound), range.upperBound)
    let end = min(max(span.end, start), range.upperBound)
    // Only what can be shown is looked at: a line may be as long as the file.
    let reach = 8 * style.width
    let left = source.boundary(max(range.lowerBound, start - reach))
    let middle = source.boundary(min(end, start + reach))
    let right = source.boundary(min(range.upperBound, end + reach))
    // Tabs have no fixed width in an excerpt that is moved to the right, so they become blanks.
    func cells(_ part: Range<Int>) -> [Character] {
      source.string(part).flatMap { $0 == "\t" ? Array("    ") : Array(String($0).printable) }
    }
    var before = cells(left..<start)
    let marked = cells(start..<middle)
    var after = cells(end..<right)
    func width(_ text: [Character]) -> Int { text.reduce(0) { $0 + $1.displayWidth } }

    let room = max(style.width - "\(number)".count - 4, 20)
    var shown = marked
    if width(before) + width(marked) + width(after) > room {
      let half = room / 2
      while width(shown) > half { shown = Array(shown.prefix(shown.count - 1 - shown.count / 16)) }
      let isCut = shown.count < marked.count
      if isCut { after = [] }
      if width(before) > half { before = ["…"] + suffix(of: before, columns: half - 1) }
      let rest = room - width(before) - width(shown) - 1
      if isCut {
        shown.append("…")
      } else if width(after) > rest {
        after = prefix(of: after, columns: rest) + ["…"]
      }
    }
    let gutter = String(repeating: " ", count: "\(number)".count)
    let text = String(before) + String(shown) + String(after)
    let carets = String(repeating: "^", count: max(width(shown), 1))
    let pointer = String(repeating: " ", count: width(before))
    let words = label.map { " " + $0.printable } ?? ""
    return [
      paint(" \(number) |", .blue) + (text.isEmpty ? "" : " " + text),
      paint(" \(gutter) |", .blue) + " " + pointer + paint(carets + words, tint),
    ]
  }

  private func prefix(of text: [Character], columns: Int) -> [Character] {
    var used = 0
    return Array(
      text.prefix {
        used += $0.displayWidth
        return used <= columns
      })
  }

  private func suffix(of text: [Character], columns: Int) -> [Character] {
    prefix(of: text.reversed(), columns: columns).reversed()
  }
}

extension DiagnosticSet {
  /// All diagnostics, a blank line between them, without a trailing newline.
  public func rendered(_ style: DiagnosticStyle = DiagnosticStyle()) -> String {
    diagnostics.map { $0.rendered(style) }.joined(separator: "\n\n")
  }
}

extension String {
  /// As many blanks.
  fileprivate var blank: String { String(repeating: " ", count: count) }
}

/// ANSI colours, or none.
private struct Paint {
  enum Ink: String {
    case bold = "1"
    case red = "1;31"
    case yellow = "1;33"
    case green = "1;32"
    case blue = "1;34"
  }
  var isOn: Bool

  func callAsFunction(_ text: String, _ ink: Ink) -> String {
    isOn ? "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m" : text
  }
}

import Language
import Runtime
import Session

/// A script that was run, as one HTML page: text cells, code, and below each cell what it showed.
///
/// Guarantee: the page loads nothing and runs nothing; what the script and its data hold is escaped.
struct Page {
  /// A part of the script: a text cell, or code.
  struct Part {
    var title: String
    var markdown: String?
    /// The bytes of its code, or of the marker and the text.
    var range: Range<Int>
  }

  let source: Source
  private let recorder: PageRecorder
  private let parts: [Part]
  /// Whether the script came to its end.
  var isWhole = true

  init(_ source: Source, _ script: Script, _ recorder: PageRecorder) {
    self.source = source
    self.recorder = recorder
    var parts: [Part] = []
    let end = source.text.utf8.count
    let first = script.cells.first?.span.start ?? end
    let head = Self.code(source, 0..<first)
    if !head.isEmpty { parts.append(Part(title: "", range: head)) }
    for (index, cell) in script.cells.enumerated() {
      let next = index + 1 < script.cells.count ? script.cells[index + 1].span.start : end
      if case .markdown(let text) = cell.kind {
        parts.append(
          Part(title: cell.title, markdown: text, range: cell.span.start..<cell.span.end))
        let rest = Self.code(source, cell.span.end..<next)
        if !rest.isEmpty { parts.append(Part(title: "", range: rest)) }
      } else {
        parts.append(Part(title: cell.title, range: Self.code(source, cell.span.end..<next)))
      }
    }
    self.parts = parts
  }

  /// A range without the `#!` line and without blank lines around it.
  private static func code(_ source: Source, _ range: Range<Int>) -> Range<Int> {
    let bytes = Array(source.text.utf8)
    var (start, end) = (range.lowerBound, range.upperBound)
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    if start == 0, bytes.starts(with: Array("#!".utf8)) {
      start = bytes[..<end].firstIndex(of: 0x0A).map { $0 + 1 } ?? end
    }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    while start < end, isBlank(bytes[start]) { start += 1 }
    return start..<end
  }

  private var title: String {
    let titled = parts.first { !$0.title.isEmpty }?.title
    let heading = parts.compactMap(\.markdown).first?.split(separator: "\n").first {
      $0.hasPrefix("# ")
    }
    return heading.map { String($0.dropFirst(2)) } ?? titled ?? source.name
  }

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(title.escapedForHTML)</title>
    <style>\(PageStyle.sheet)</style>
    </head>
    <body>
    <main>
    \(sections.joined(separator: "\n"))
    </main>
    <footer>\(source.name.split(separator: "/").last.map { String($0).escapedForHTML } ?? "") · rendered by olv \(Version.text)</footer>
    </body>
    </html>

    """
  }

  private var sections: [String] {
    parts.enumerated().map { index, part in
      let next = index + 1 < parts.count ? parts[index + 1].range.lowerBound : Int.max
      var lines = ["<section>"]
      if !part.title.isEmpty { lines.append("<h2>\(part.title.escapedForHTML)</h2>") }
      if let markdown = part.markdown {
        lines.append("<div class=\"text\">\(Markdown.html(markdown))</div>")
      } else if !part.range.isEmpty {
        lines.append("<pre class=\"code\"><code>\(code(part.range))</code></pre>")
      }
      let items = recorder.items(in: part.range.lowerBound..<next)
      if !items.isEmpty {
        lines.append("<div class=\"output\">")
        lines += items.map { PageItem(source: source).html($0) }
        lines.append("</div>")
      }
      if !isWhole, part.markdown == nil, !part.range.isEmpty,
        part.range.lowerBound > recorder.reached,
        items.isEmpty
      {
        lines.append("<p class=\"skipped\">not run</p>")
      }
      return (lines + ["</section>"]).joined(separator: "\n")
    }
  }

  private func code(_ range: Range<Int>) -> String {
    source.highlighted(range).map { part in
      let text = part.text.escapedForHTML
      return part.kind.map { "<span class=\"\($0.rawValue)\">\(text)</span>" } ?? text
    }.joined()
  }
}

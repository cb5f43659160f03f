extension Lexer {
  /// Reads a comment to the end of its line: a remark, documentation (`##`), or a cell's marker.
  mutating func comment(mayDocument: Bool) {
    let start = place
    let line = restOfLine()
    let isAtLineStart = start == 0 || bytes[start - 1] == 0x0A
    if isAtLineStart, let marker = cellMarker(line) {
      pendingDocumentation = []
      let markdown = marker.isMarkdown ? markdownBelow() : nil
      return add(.cell(title: marker.title, markdown: markdown), from: start)
    }
    comments.append(start..<(start + line.utf8.count))
    if mayDocument, line.hasPrefix("##"), !line.hasPrefix("###") {
      let text = line.dropFirst(2)
      pendingDocumentation.append(String(text.first == " " ? text.dropFirst() : text))
    }
  }

  /// The text up to the end of the line, without trailing blanks; stands on the line's end afterwards.
  private mutating func restOfLine() -> String {
    let start = place
    while place < bytes.count, bytes[place] != 0x0A { place += 1 }
    return trimmedEnd(source.string(start..<place))
  }

  private func trimmedEnd(_ text: String) -> String {
    var scalars = Substring(text).unicodeScalars
    while let last = scalars.last, last == " " || last == "\t" || last == "\r" {
      scalars.removeLast()
    }
    return String(scalars)
  }

  private func trimmed(_ text: Substring) -> String {
    trimmedEnd(String(text.drop { $0 == " " || $0 == "\t" }))
  }

  /// Whether a comment would begin a cell if it stood at the line's start.
  func wouldMarkCell(_ comment: String) -> Bool { cellMarker(comment) != nil }

  /// `# %% Title`, `# %% [markdown] Title` or, as some tools write it, `# %% Title [markdown]`.
  private func cellMarker(_ line: String) -> (title: String, isMarkdown: Bool)? {
    guard let prefix = ["# %%", "#%%"].first(where: line.hasPrefix) else { return nil }
    let rest = line.dropFirst(prefix.count)
    guard rest.isEmpty || rest.first == " " || rest.first == "\t" else { return nil }
    let title = trimmed(rest)
    for mark in ["[markdown]", "[md]"] {
      if title.hasPrefix(mark) { return (trimmed(title.dropFirst(mark.count)), true) }
      if title.hasSuffix(mark) { return (trimmed(title.dropLast(mark.count)), true) }
    }
    return (title, false)
  }

  /// The comment lines below a markdown marker. Documentation and markers end it, blank lines at its end do not count.
  private mutating func markdownBelow() -> String {
    var lines: [String] = []
    var end = place
    while place < bytes.count {
      // On the newline of the line before.
      place += 1
      let line = restOfLine()
      if line.isEmpty {
        lines.append("")
      } else if line == "#" || line.hasPrefix("# "), cellMarker(line) == nil {
        lines.append(String(line.dropFirst(2)))
        end = place
      } else {
        break
      }
    }
    place = end
    while lines.last == "" { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}

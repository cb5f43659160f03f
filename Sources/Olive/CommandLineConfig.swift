import Language

/// An Olive command line as a mapping of flags, each with its place in the line.
struct CommandLineConfig {
  let node: ConfigNode
  /// The line as it could be typed.
  let source: Source

  /// - Parameters:
  ///   - words: What follows the command's name.
  ///   - shorts: Long names of one-letter flags.
  ///   - switches: Flags without a value.
  init(
    command: String, words: [String], shorts: [String: String], switches: Set<String>,
    _ problems: Problems
  ) {
    var line = "olv \(command)"
    var places: [(start: Int, end: Int)] = []
    for word in words {
      line += " "
      let start = line.utf8.count
      line += Self.shell(word)
      places.append((start, line.utf8.count))
    }
    let source = Source(name: "command line", text: line)
    func span(_ index: Int) -> Span {
      Span(source: source, start: places[index].start, end: places[index].end)
    }
    var entries: [ConfigNode.Entry] = []
    var index = 0
    while index < words.count {
      let place = span(index)
      var name = words[index]
      var attached: String?
      if name.hasPrefix("--"), let equals = name.firstIndex(of: "=") {
        attached = String(name[name.index(after: equals)...])
        name = String(name[..<equals])
      }
      index += 1
      if let long = shorts[name] { name = "--\(long)" }
      guard name.hasPrefix("--"), name.count > 2 else {
        problems.refuse("`\(name)` is not a flag", at: place, help: "flags begin with `--`")
        continue
      }
      let key = String(name.dropFirst(2)).map { $0 == "-" ? "_" : $0 }
      let flag = String(key)
      if let earlier = entries.first(where: { $0.key == flag }) {
        problems.refuse(
          "`--\(flag)` is given twice", at: place, help: "first as `\(earlier.value.span.text)`")
        continue
      }
      if switches.contains(flag) {
        let value = ConfigNode(
          value: .scalar(attached ?? "true", isPlain: true), span: place)
        entries.append(.init(key: flag, keySpan: place, value: value))
      } else if let attached {
        let value = ConfigNode(value: .scalar(attached, isPlain: false), span: place)
        entries.append(.init(key: flag, keySpan: place, value: value))
      } else if index < words.count, !words[index].hasPrefix("--") {
        let value = ConfigNode(value: .scalar(words[index], isPlain: false), span: span(index))
        entries.append(.init(key: flag, keySpan: place, value: value))
        index += 1
      } else {
        problems.refuse("`--\(flag)` needs a value", at: place)
      }
    }
    self.source = source
    node = ConfigNode(
      value: .mapping(entries), span: Span(source: source, start: 0, end: line.utf8.count))
  }

  /// A word as a shell would read it.
  private static func shell(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0)
          || "_-./=:,+@%".unicodeScalars.contains($0)
      }
    if isPlain { return word }
    // A line break would end the line that messages point into.
    let text = word.split(separator: "\n", omittingEmptySubsequences: false).joined(
      separator: "\\n")
    return "\"\(text)\""
  }
}

import Language

/// The entries of a mapping, each of which must be asked for: what is left over in the end is an error.
final class Section {
  /// What it is, for messages: `data_configs`, `the flags of olv finetune`.
  let title: String
  let span: Span
  let problems: Problems
  private let entries: [ConfigNode.Entry]
  private var asked: Set<String> = []

  init(_ node: ConfigNode, title: String, _ problems: Problems) {
    self.title = title
    self.problems = problems
    span = node.span
    if case .mapping(let entries) = node.value {
      self.entries = entries
    } else {
      entries = []
      if !node.isNull {
        problems.refuse("\(title) must be a mapping", at: node.span, label: "found \(node.kind)")
      }
    }
  }

  /// A value and where it stands.
  struct Found<Value> {
    var value: Value
    var span: Span
  }

  private func entry(_ names: [String]) -> ConfigNode.Entry? {
    asked.formUnion(names)
    let found = entries.filter { names.contains($0.key) }
    if found.count > 1 {
      problems.refuse(
        "`\(found[0].key)` and `\(found[1].key)` say the same", at: found[1].keySpan)
    }
    return found.first { !$0.value.isNull }
  }

  /// The place of a key that is there.
  func place(_ name: String) -> Span? { entries.first { $0.key == name }?.keySpan }

  func node(_ names: String...) -> ConfigNode? { entry(names)?.value }

  /// All keys, each of them now asked for, in their order.
  func all() -> [ConfigNode.Entry] {
    asked.formUnion(entries.map(\.key))
    return entries
  }

  func text(_ names: String...) -> Found<String>? {
    guard let entry = entry(names) else { return nil }
    guard case .scalar(let text, _) = entry.value.value else {
      wrong(entry, "a word or a string")
      return nil
    }
    return Found(value: text, span: entry.value.span)
  }

  /// One of `choices`, which are compared without regard to case.
  func choice(_ names: String..., of choices: [String]) -> Found<String>? {
    guard let entry = entry(names), case .scalar(let text, _) = entry.value.value else {
      return nil
    }
    if let known = choices.first(where: { $0.lowercased() == text.lowercased() }) {
      return Found(value: known, span: entry.value.span)
    }
    problems.refuse(
      "`\(entry.key)` is `\(text)`, which olv does not have", at: entry.value.span,
      help: "it takes \(choices.joined(separator: ", "))", meant: didYouMean(text, among: choices))
    return nil
  }

  func whole(_ names: String...) -> Found<Int>? {
    guard let entry = entry(names) else { return nil }
    guard case .scalar(let text, _) = entry.value.value, let number = Int(text) else {
      wrong(entry, "a whole number")
      return nil
    }
    return Found(value: number, span: entry.value.span)
  }

  /// A number, and as it is written.
  func number(_ names: String...) -> Found<(value: Double, text: String)>? {
    guard let entry = entry(names) else { return nil }
    guard case .scalar(let text, _) = entry.value.value, let number = Double(text),
      number.isFinite
    else {
      wrong(entry, "a number")
      return nil
    }
    return Found(value: (number, text), span: entry.value.span)
  }

  func flag(_ names: String...) -> Found<Bool>? {
    guard let entry = entry(names) else { return nil }
    guard case .scalar(let text, _) = entry.value.value,
      let value = ["true": true, "yes": true, "false": false, "no": false][text.lowercased()]
    else {
      wrong(entry, "true or false")
      return nil
    }
    return Found(value: value, span: entry.value.span)
  }

  /// A list of words; one word with commas is one too.
  func words(_ names: String...) -> Found<[String]>? {
    guard let entry = entry(names) else { return nil }
    switch entry.value.value {
    case .scalar(let text, _):
      return Found(
        value: text.split(separator: ",").map { $0.trimmed }, span: entry.value.span)
    case .list(let elements):
      let words = elements.compactMap { element -> String? in
        if case .scalar(let text, _) = element.value { return text }
        return nil
      }
      if words.count == elements.count { return Found(value: words, span: entry.value.span) }
    case .mapping: break
    }
    wrong(entry, "a list of words")
    return nil
  }

  func section(_ name: String) -> Section? {
    entry([name]).map { Section($0.value, title: "`\(name)`", problems) }
  }

  /// The mappings of a list.
  func sections(_ name: String) -> [Section] {
    guard let entry = entry([name]) else { return [] }
    guard case .list(let elements) = entry.value.value else {
      wrong(entry, "a list")
      return []
    }
    return elements.map { Section($0, title: "an entry of `\(name)`", problems) }
  }

  /// Keys that mean something to Olive and nothing here: said, not refused.
  func without(_ names: [String], because reason: String) {
    for name in names {
      if let entry = entry([name]) {
        problems.note("`\(name)` has no counterpart: \(reason)", at: entry.keySpan)
      }
    }
  }

  /// Keys that may only have the value that olv works by.
  func only(_ name: String, _ accepted: [String], because reason: String) {
    guard let entry = entry([name]) else { return }
    if case .scalar(let text, _) = entry.value.value, accepted.contains(text.lowercased()) {
      return
    }
    problems.refuse(
      "`\(name)` can only be \(accepted.joined(separator: " or "))", at: entry.value.span,
      help: reason,
      change: accepted.count == 1
        ? Correction(replacing: entry.value.span, with: accepted[0]) : nil)
  }

  /// Refuses every key that nobody asked for.
  func finish() {
    for entry in entries where !asked.contains(entry.key) {
      let dashes = entry.keySpan.text.prefix { $0 == "-" }
      let meant = didYouMean(entry.key, among: asked.sorted())
      // What stands here already is not to stand here twice.
      let isFree = !entries.contains { $0.key == meant }
      problems.refuse(
        "\(title) has no `\(entry.key)` that olv knows", at: entry.keySpan,
        label: meant.map { "did you mean `\($0)`?" },
        change: isFree
          ? meant.map { Correction(replacing: entry.keySpan, with: dashes + $0) } : nil)
    }
  }

  private func wrong(_ entry: ConfigNode.Entry, _ expected: String) {
    problems.refuse(
      "`\(entry.key)` must be \(expected)", at: entry.value.span, label: "found \(entry.value.kind)"
    )
  }
}

extension Substring {
  /// Without blanks around it.
  var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

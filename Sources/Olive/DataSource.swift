import Language

/// Rows that a command or a `data_configs` entry names: a dataset, how its rows become text, and which of them.
struct DataSource {
  var name: String
  var files: [String] = []
  var subset: String?
  var template: String?
  var field: String?
  /// As transformers' datasets write it: `train`, `train[:4096]`.
  var split: Section.Found<String>?
  var span: Span

  /// Adds a binding and returns its name; one that says the same is made once.
  func bind(_ translation: inout Translation, preferred: String) -> String {
    var call = "dataset "
    if files.count == 1, ["json", "csv", "text"].contains(name) {
      call += Script.word(files[0])
    } else {
      call += Script.word(KnownNames.datasets[name] ?? name)
    }
    // The standard library's wikitext is this configuration already.
    let isKnown = KnownNames.datasets[name] != nil
    if let subset, !(isKnown && subset == "wikitext-2-raw-v1") {
      call += " config=\(Script.word(subset))"
    }
    if let template { call += " template=\(Script.quoted(template))" }
    if let field, !(isKnown && field == "text" && name.hasSuffix("wikitext")) {
      call += " field=\(Script.word(field))"
    }
    if isKnown, !call.contains("=") { return "" }
    for statement in translation.statements {
      if let equals = statement.text.range(of: " = "),
        statement.text[equals.upperBound...] == call
      {
        return String(statement.text[..<equals.lowerBound])
      }
    }
    var binding = preferred
    var number = 2
    while translation.statements.contains(where: { $0.text.hasPrefix("\(binding) = ") }) {
      binding = "\(preferred)\(number)"
      number += 1
    }
    translation.add("\(binding) = \(call)", from: span)
    return binding
  }

  /// The rows as an argument: `$rows[:4096]`.
  func argument(
    _ translation: inout Translation, preferred: String, _ problems: Problems
  ) -> String? {
    if files.count > 1 {
      problems.refuse(
        "several data files are not read as one dataset", at: span,
        help: "put them into a folder and give that as the dataset")
      return nil
    }
    if ["json", "csv", "text"].contains(name), files.isEmpty {
      problems.refuse("`\(name)` needs `data_files`", at: span)
      return nil
    }
    let binding = bind(&translation, preferred: preferred)
    let base = binding.isEmpty ? (KnownNames.datasets[name] ?? name) : "$\(binding)"
    guard let split else { return base }
    guard let parts = Self.parts(of: split.value) else {
      problems.refuse(
        "the split `\(split.value)` is not one that olv can cut", at: split.span,
        help: "it takes NAME, NAME[A:B] with row numbers, as in `train[:4096]`")
      return nil
    }
    return base + (parts.name == "train" ? "" : ".\(parts.name)") + parts.slice
  }

  /// `train[:4096]` as name and slice.
  static func parts(of split: String) -> (name: String, slice: String)? {
    let name = split.prefix { $0 != "[" }
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
      return nil
    }
    let rest = split[name.endIndex...]
    if rest.isEmpty { return (String(name), "") }
    guard rest.hasSuffix("]"), rest.count >= 3 else { return nil }
    let bounds = rest.dropFirst().dropLast().split(separator: ":", omittingEmptySubsequences: false)
    guard bounds.count == 2, bounds.allSatisfy({ $0.isEmpty || Int($0).map { $0 >= 0 } == true })
    else { return nil }
    return (String(name), String(rest))
  }
}

extension String {
  /// The first place of `text`, without Foundation.
  func range(of text: String) -> Range<Index>? {
    var place = startIndex
    while place < endIndex {
      if self[place...].hasPrefix(text) { return place..<index(place, offsetBy: text.count) }
      place = index(after: place)
    }
    return nil
  }
}

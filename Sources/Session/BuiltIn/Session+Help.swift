import JSON
import Language

extension Session {
  /// All verbs and definitions with a line each; JSON has their whole declarations.
  func overview(_ scope: Scope) -> Report {
    let verbs = verbs.all
    var display: [Display] = [
      .text("A line is an experiment: verbs with arguments, parted by `;` or `|`."),
      .text("  load phi; quantize gptq samples=128; finetune tiny-codes steps=100; ppl"),
      .text(""), .grid(Grid(rows: verbs.map { ["  " + $0.name, $0.summary] }, wraps: true)),
    ]
    let defined = scope.functions.values.sorted {
      $0.definition.name.text < $1.definition.name.text
    }
    if !defined.isEmpty {
      display += [
        .text(""), .text("Defined in the language:"),
        .grid(
          Grid(
            rows: defined.map { ["  " + $0.definition.name.text, $0.definition.summary] },
            wraps: true)),
      ]
    }
    display += [
      .text(""),
      .text(
        "`help VERB`, or `? VERB` at the prompt, says all about one; `help topics` lists the rest."),
    ]
    let fields = JSONObject([
      ("verbs", .array(verbs.map(\.json))), ("definitions", .array(defined.map(\.definition.json))),
    ])
    return Report(fields: fields, display: display)
  }

  /// Everything about one verb or definition.
  func describe(_ name: String, _ scope: Scope) -> Report {
    if let verb = verbs[name], case .object(let fields) = verb.json {
      var display = verb.description
      let settings = (scope.defaults[name] ?? []).map { setting in
        ["  " + setting.argument.text, "set by \(setting.pack?.name ?? "this session")"]
      }
      if !settings.isEmpty {
        display += [.text(""), .text("Defaults in force:"), .grid(Grid(rows: settings))]
      }
      return Report(fields: fields, display: display)
    }
    guard let definition = scope.functions[name]?.definition,
      case .object(let fields) = definition.json
    else { return Report() }
    var display: [Display] = [.text(definition.usage)]
    for paragraph in definition.paragraphs { display += [.text(""), .text(paragraph)] }
    return Report(fields: fields, display: display)
  }
}

extension VerbDeclaration {
  /// The text of `? verb`.
  var description: [Display] {
    // Without an indent, so that it is broken between words.
    var display: [Display] = [.text("\(name): \(summary)"), .text(""), .text(usage)]
    if !type.details.isEmpty { display += [.text(""), .text(type.details)] }
    if !parameters.isEmpty {
      display.append(.text(""))
      display.append(
        .grid(Grid(rows: parameters.map { ["  " + $0.name, $0.explanation] }, wraps: true)))
    }
    if !examples.isEmpty {
      display.append(.text(""))
      // Each in a line of its own, whole, so that it can be copied.
      display += examples.flatMap { example -> [Display] in
        [.text("  # \(example.explanation)"), .text("  \(example.script)")]
      }
    }
    if !type.seeAlso.isEmpty {
      display += [.text(""), .text("See also: " + type.seeAlso.joined(separator: ", "))]
    }
    if let paper = type.paper { display += [.text(""), .text("Paper: " + paper)] }
    return display
  }
}

extension ParameterDeclaration {
  /// What may be given (choices or type, range, unit), and what stands where nothing is.
  public var facts: (values: String, standard: String?) {
    var values = [choices?.joined(separator: ", ") ?? (isVariadic ? "any number" : typePhrase)]
    if let range { values.append(range.phrase) }
    if let unit { values.append("in \(unit)") }
    return (values.joined(separator: "; "), defaultText)
  }

  /// Summary, choices or type, range, default.
  public var explanation: String { explanation(standard: defaultText) }

  /// The same where something else stands for what is not given.
  func explanation(standard: String?) -> String {
    let values = facts.values
    let rest = (standard.map { "; default \($0)" } ?? "") + (isRequired ? "; required" : "")
    return "\(summary) (\(values)\(rest))"
  }
}

extension Definition {
  /// The first sentence of its documentation.
  var summary: String {
    guard let first = paragraphs.first else { return usage }
    guard let end = first.firstRange(of: ". ") else { return first }
    return first[..<end.lowerBound] + "."
  }

  /// What its documentation's blank lines part. The lines of one run on, for the reader's width to break; indented ones
  /// stay.
  fileprivate var paragraphs: [String] {
    var paragraphs: [String] = []
    var before: Substring?
    for line in (documentation ?? "").split(separator: "\n", omittingEmptySubsequences: false) {
      defer { before = line.isEmpty ? nil : line }
      if line.isEmpty { continue }
      guard let before else {
        paragraphs.append(String(line))
        continue
      }
      let isAligned = line.hasPrefix(" ") || before.hasPrefix(" ")
      paragraphs[paragraphs.count - 1] += (isAligned ? "\n" : " ") + line
    }
    return paragraphs
  }

  var json: JSON {
    [
      "name": .string(name.text), "usage": .string(usage),
      "documentation": documentation.map(JSON.string) ?? .null,
      "parameters": .array(
        parameters.map { parameter in
          [
            "name": .string(parameter.name.text),
            "type": parameter.type.map { .string($0.text) } ?? .null,
            "default": parameter.defaultValue.map { .string("\($0)") } ?? .null,
          ]
        }),
    ]
  }
}

extension Argument {
  /// As written: `bits=4`.
  fileprivate var text: String { (key.map { "\($0.text)=" } ?? "") + "\(value)" }
}

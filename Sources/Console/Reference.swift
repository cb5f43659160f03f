import Language
import Session

/// All verbs and flags as one Markdown page, from the declarations that help and checks come from.
struct Reference {
  let verbs: [VerbDeclaration]

  var markdown: String {
    var parts = [
      """
      # Reference

      Made by `scripts/docs` from the verbs' own declarations; `olv help VERB` says the same at the prompt. Every example runs in the tests.

      | verb | does |
      |---|---|
      \(verbs.map { "| [`\($0.name)`](#\($0.name)) | \(cell($0.summary)) |" }.joined(separator: "\n"))

      """
    ]
    parts += verbs.map(section)
    parts.append("# Topics\n\n`help topics` lists these.\n")
    parts += Topic.all.map { topic in
      let paragraphs = topic.text.split(separator: "\n\n").map { paragraph in
        paragraph.hasPrefix("  ") ? "```\n\(unindented(paragraph))\n```" : text(String(paragraph))
      }
      return "## \(topic.name)\n\n" + sentence(topic.summary) + "\n\n"
        + paragraphs.joined(separator: "\n\n") + "\n"
    }
    parts.append("## The command line\n\n```\n\(Flags.usage)\n```\n")
    return parts.joined(separator: "\n")
  }

  private func section(_ verb: VerbDeclaration) -> String {
    var blocks = ["## \(verb.name)", sentence(verb.summary), "```\n\(verb.usage)\n```"]
    if !verb.type.details.isEmpty { blocks.append(text(verb.type.details)) }
    if !verb.parameters.isEmpty {
      let rows = verb.parameters.map { parameter in
        let facts = parameter.facts
        return
          "| `\(parameter.name)` | \(cell(parameter.summary)) | \(cell(facts.values)) | \(facts.standard.map { "`\(cell($0))`" } ?? (parameter.isRequired ? "required" : "")) |"
      }
      blocks.append(
        "| parameter | meaning | values | default |\n|---|---|---|---|\n"
          + rows.joined(separator: "\n"))
    }
    if !verb.examples.isEmpty {
      let examples = verb.examples.map { example in
        (example.setup.isEmpty ? "" : "# after: \(example.setup)\n") + "# \(example.explanation)\n"
          + example.script
      }
      blocks.append("```\n\(examples.joined(separator: "\n\n"))\n```")
    }
    if !verb.type.seeAlso.isEmpty {
      blocks.append(
        "See also: " + verb.type.seeAlso.map { "[`\($0)`](#\($0))" }.joined(separator: ", "))
    }
    if let paper = verb.type.paper { blocks.append("Paper: " + text(paper)) }
    return blocks.joined(separator: "\n\n") + "\n"
  }

  /// Lines that are shown as they stand, without the blanks that say so.
  private func unindented(_ lines: Substring) -> String {
    lines.split(separator: "\n").map { $0.hasPrefix("  ") ? $0.dropFirst(2) : $0 }
      .joined(separator: "\n")
  }

  private func sentence(_ summary: String) -> String {
    (summary.first.map { $0.uppercased() } ?? "") + text(String(summary.dropFirst())) + "."
  }

  /// Plain text in which nothing acts as Markdown by chance; code in backquotes stays.
  private func text(_ plain: String) -> String {
    var isCode = false
    return plain.map { character in
      if character == "`" { isCode.toggle() }
      return !isCode && "*_<[\\".contains(character) ? "\\\(character)" : String(character)
    }.joined()
  }

  private func cell(_ plain: String) -> String {
    text(plain).replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}

import Session

/// The manual page `olv(1)` in roff, made of the command line's usage and of the verbs' declarations.
struct ManualPage {
  private var lines: [String] = []

  init(usage: String, verbs: [VerbDeclaration], version: String) {
    let head = usage.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let summary = head.first.map { $0.hasPrefix("olv: ") ? String($0.dropFirst(5)) : $0 } ?? ""
    lines.append(".TH OLV 1 \"\" \"olv \(Self.escaped(version))\"")
    section("NAME")
    paragraph("olv - \(summary)")
    section("SYNOPSIS")
    verbatim(head.dropFirst())
    section("DESCRIPTION")
    paragraph(
      "olv is a small pipeline language for experiments with language models: loading, quantizing, fine-tuning, "
        + "measuring, comparing. A line is an experiment: verbs with their arguments, parted by `;` or `|`."
    )
    verbatim(["  load phi; quantize gptq samples=128; finetune tiny-codes steps=100; ppl"])
    paragraph(
      "`olv --use demo` runs any script on small models and data that come with it, without a network."
    )
    section("VERBS")
    for verb in verbs { describe(verb) }
    section("ENVIRONMENT")
    for (name, text) in Self.environment { item(name, text) }
    section("EXIT STATUS")
    paragraph(
      "0 done, 1 a statement failed, 2 the script or the command line is wrong, 130 interrupted.")
  }

  var text: String { lines.joined(separator: "\n") + "\n" }

  private static let environment = [
    ("OLV_STDLIB", "The folder of the standard library, where it does not lie beside the program."),
    (
      "OLV_THREADS",
      "How many threads compute; every processor by default. OMP_NUM_THREADS and its like do not count."
    ),
    (
      "HF_HOME, HF_HUB_CACHE",
      "Where the Hugging Face cache is, in which models and datasets are looked for."
    ),
    ("CUDA_HOME", "Where the CUDA toolkit's libraries are."),
    ("XDG_CACHE_HOME, XDG_STATE_HOME", "Where caches and the prompt's history are kept."),
    ("NO_COLOR, FORCE_COLOR", "No colours, or colours everywhere."),
  ]

  private mutating func describe(_ verb: VerbDeclaration) {
    lines.append(".SS \(Self.escaped(verb.name))")
    paragraph(verb.summary)
    verbatim(["  " + verb.usage])
    for part in verb.type.details.split(separator: "\n\n") { paragraph(String(part)) }
    for parameter in verb.parameters { item(parameter.name, parameter.explanation) }
    if !verb.examples.isEmpty {
      paragraph("Examples:")
      for example in verb.examples {
        verbatim(["  " + example.script + "    # " + example.explanation])
      }
    }
    if let paper = verb.type.paper { paragraph("Paper: \(paper)") }
    if !verb.type.seeAlso.isEmpty {
      paragraph("See also: \(verb.type.seeAlso.joined(separator: ", "))")
    }
  }

  private mutating func section(_ name: String) { lines.append(".SH \(name)") }

  private mutating func paragraph(_ text: String) {
    lines += [".PP"] + text.split(separator: "\n").map { Self.escaped(String($0)) }
  }

  private mutating func item(_ name: String, _ text: String) {
    lines += [".TP", ".B \(Self.escaped(name))", Self.escaped(text)]
  }

  private mutating func verbatim(_ text: some Sequence<String>) {
    lines += [".PP", ".nf"] + text.map(Self.escaped) + [".fi"]
  }

  /// A line that roff shows as it is: a dot or a quote at its beginning is no request, a backslash no escape.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}

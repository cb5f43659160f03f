import Language

extension OliveCommand {
  /// `quantize --algorithm awq --model_name_or_path … --output_path …`
  static func quantize(
    _ words: [String], _ translation: inout Translation, _ problems: Problems
  ) throws {
    let line = CommandLineConfig(
      command: "quantize", words: words, shorts: shorts, switches: switches, problems)
    let section = Section(line.node, title: "`olv quantize`", problems)
    guard let model = section.text("model_name_or_path") else {
      return problems.refuse(
        "`--model_name_or_path` says which model to quantize", at: section.span.after)
    }
    load(model, adapter: section.text("adapter_path"), dtype: nil, &translation)
    var text = "quantize "
    let algorithm = section.choice("algorithm", of: ["rtn", "gptq", "awq"])
    text += algorithm?.value ?? "rtn"
    if let precision = section.choice(
      "precision", of: ["int2", "int3", "int4", "int8", "uint4", "uint8", "2", "3", "4", "8"])
    {
      text += " bits=\(precision.value.last ?? "4")"
      if precision.value.hasPrefix("u") { text += " symmetric=no" }
    }
    section.only(
      "implementation", ["awq", "autogptq", "gptq", "rtn", "olive"],
      because: "olv has one implementation of each algorithm")
    for name in ["act_precision", "use_qdq_encoding"] {
      if let place = section.place(name) {
        _ = section.node(name)
        problems.refuse("`--\(name)` is about activations in ONNX models", at: place)
      }
    }
    if let source = data(section, split: "split", span: section.place("data_name")) {
      let rows = source.argument(&translation, preferred: "calibration", problems)
      if let rows { text += " data=\(rows)" }
    }
    if let samples = section.whole("max_samples") { text += " samples=\(samples.value)" }
    if let length = section.whole("max_seq_len") { text += " length=\(length.value)" }
    section.without(["batch_size"], because: "the batch never changes the result")
    translation.add(text, from: algorithm?.span ?? section.span)
    let output = section.text("output_path")
    translation.add(
      "save \(Script.word(output?.value ?? "quantized-model"))", from: output?.span ?? section.span)
    section.without(
      ["save_config_file", "dry_run"], because: "`--show` prints what would run")
    readCommon(section)
    section.finish()
  }

  /// The dataset that the flags name, or nil.
  static func data(_ section: Section, split: String, span: Span?) -> DataSource? {
    let name = section.text("data_name")
    var source = DataSource(name: name?.value ?? "", span: span ?? section.span)
    source.files = section.words("data_files")?.value ?? []
    source.subset = section.text("subset", "train_subset")?.value
    source.field = section.text("text_field")?.value
    source.template = section.text("text_template").map { unescaped($0.value) }
    source.split = section.text(split)
    if let place = section.place("use_chat_template") {
      _ = section.node("use_chat_template")
      section.problems.refuse(
        "chat templates are not rendered for data", at: place, help: "write a `--text_template`")
    }
    if let special = section.flag("add_special_tokens"), special.value {
      section.problems.refuse(
        "special tokens are not added to training and calibration rows", at: special.span)
    }
    return name == nil ? nil : source
  }

  /// The text that Olive makes of a template on the command line: its escapes are read as in a Python string.
  static func unescaped(_ text: String) -> String {
    var result = ""
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "\\", let next = scalars.popFirst() else {
        result.unicodeScalars.append(scalar)
        continue
      }
      switch next {
      case "n": result += "\n"
      case "t": result += "\t"
      case "r": result += "\r"
      case "\\", "\"", "'": result.unicodeScalars.append(next)
      default: result += "\\" + String(next)
      }
    }
    return result
  }
}

import Language

extension OliveCommand {
  /// `finetune --data_name … --train_split "train[:4096]" --text_template "…" --max_steps 100 …`
  static func finetune(
    _ words: [String], _ translation: inout Translation, _ problems: Problems
  ) throws {
    let line = CommandLineConfig(
      command: "finetune", words: words, shorts: shorts, switches: switches, problems)
    let section = Section(line.node, title: "`olv finetune`", problems)
    guard let model = section.text("model_name_or_path") else {
      return problems.refuse(
        "`--model_name_or_path` says which model to train", at: section.span.after)
    }
    load(
      model, adapter: section.text("adapter_path"), dtype: dtype(section, "torch_dtype"),
      &translation)
    guard var source = data(section, split: "train_split", span: section.place("data_name")) else {
      return problems.refuse("`--data_name` says what to train on", at: section.span.after)
    }
    let method = section.choice("method", of: ["lora", "qlora"])
    if method?.value == "qlora", let span = method?.span {
      problems.note(
        "qlora rounds the base to 4 bits with rtn in groups of 64, not to NF4", at: span)
      translation.add("quantize rtn bits=4 group=64", from: span)
    }
    var text = "finetune"
    if let rows = source.argument(&translation, preferred: "rows", problems) { text += " \(rows)" }
    source.split = section.text("eval_split")
    source.subset = section.text("eval_subset")?.value ?? source.subset
    if let held = source.split, !held.value.isEmpty {
      let rows = source.argument(&translation, preferred: "held", problems)
      if let rows { text += " eval=\(rows)" }
    } else {
      text += " eval=no"
    }
    var training = Training(problems)
    training.readTrainer(section)
    training.readAdapter(section)
    if let length = section.whole("max_seq_len") {
      training.arguments.append("length=\(length.value)")
    }
    section.without(["batch_size"], because: "`--per_device_train_batch_size` sets the batch")
    section.without(["max_samples"], because: "the split says which rows are trained on")
    translation.add(
      ([text] + training.arguments).joined(separator: " "),
      from: section.place("data_name") ?? section.span)
    let output = section.text("output_path")
    let folder = output?.value ?? "optimized-model"
    saveApart(folder, from: output?.span ?? section.span, &translation)
    section.without(
      ["precision", "use_ort_genai"], because: "no ONNX model is made; the adapter is saved in f32")
    readCommon(section)
    section.finish()
  }

  /// Saves a fine-tuned model where Olive does: the base in `model`, the adapter in `adapter`.
  static func saveApart(
    _ folder: String, from span: Span, _ translation: inout Translation
  ) {
    translation.add("save \(Script.word(folder + "/adapter")) format=peft", from: span)
    translation.add("drop adapter", from: span)
    translation.add("save \(Script.word(folder + "/model"))", from: span)
  }
}

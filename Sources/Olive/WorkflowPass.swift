import Language

/// One pass of a workflow.
struct WorkflowPass {
  private let section: Section
  private let name: String
  private let data: [String: WorkflowData]
  private let problems: Problems

  init(
    _ section: Section, name: String, data: [String: WorkflowData], _ problems: Problems
  ) {
    (self.section, self.name, self.data, self.problems) = (section, name, data, problems)
  }

  private static let methods = [
    "GptqQuantizer": "gptq", "Gptq": "gptq", "GptqModel": "gptq", "AutoAWQQuantizer": "awq",
    "Awq": "awq", "Rtn": "rtn",
  ]

  func read(_ translation: inout Translation) {
    let known = Self.methods.keys.sorted() + ["LoRA", "QLoRA", "DoRA", "MergeAdapterWeights"]
    guard let type = section.choice("type", of: known) else {
      if section.place("type") == nil {
        problems.refuse("the pass `\(name)` has no `type`", at: section.span)
      }
      return
    }
    // A pass may keep its parameters in a mapping of their own.
    let inner = section.section("config")
    let parameters = inner ?? section
    for host in ["host", "evaluator", "output_name"] where section.place(host) != nil {
      section.without([host], because: "a workflow runs in one place and is measured at its end")
    }
    if let method = Self.methods[type.value] {
      quantize(method, parameters, type.span, &translation)
    } else if type.value == "MergeAdapterWeights" {
      translation.add("merge", from: type.span)
    } else {
      finetune(parameters, pass: type.value, type.span, &translation)
    }
    inner?.finish()
    section.finish()
  }

  /// The data config that a key names.
  private func rows(_ section: Section, _ keys: String..., required: Bool = false)
    -> WorkflowData?
  {
    for key in keys {
      guard let found = section.text(key) else { continue }
      if let config = data[found.value] { return config }
      problems.refuse(
        "there is no data config `\(found.value)`", at: found.span,
        meant: didYouMean(found.value, among: data.keys.sorted()))
      return nil
    }
    if required {
      problems.refuse("the pass `\(name)` needs `\(keys[0])`", at: section.span)
    }
    return nil
  }

  private func quantize(
    _ method: String, _ section: Section, _ span: Span, _ translation: inout Translation
  ) {
    var text = "quantize \(method)"
    if let bits = section.choice("bits", "w_bit", of: ["2", "3", "4", "8"]) {
      text += " bits=\(bits.value)"
    }
    if let group = section.whole("group_size", "q_group_size") {
      text += group.value < 0 ? " group=none" : " group=\(group.value)"
    }
    if let symmetric = section.flag("sym") {
      text += " symmetric=\(symmetric.value ? "yes" : "no")"
    }
    if let zero = section.flag("zero_point") { text += " symmetric=\(zero.value ? "no" : "yes")" }
    if let damp = section.number("damp_percent") { text += " damp=\(damp.value.text)" }
    if let order = section.flag("desc_act") { text += " order=\(order.value ? "act" : "none")" }
    if let sequential = section.flag("true_sequential") {
      text += " sequential=\(sequential.value ? "yes" : "no")"
    }
    if let skip = section.words("modules_to_not_convert") {
      // The head stays float here anyway.
      let skipped = skip.value.filter { $0 != "lm_head" }
      if !skipped.isEmpty { text += " skip=\(Script.list(skipped))" }
    }
    section.only("lm_head", ["false"], because: "the head stays float")
    section.only("embeds", ["false"], because: "the embedding stays float")
    section.without(
      ["version", "fuse_layers", "max_input_len", "duo_scaling", "static_groups", "seed"],
      because: "weights are the same whichever kernel reads them")
    let config = rows(section, "data_config", "calib_data_config")
    if let config {
      let rows = config.source.argument(&translation, preferred: "calibration", problems)
      if let rows { text += " data=\(rows)" }
      if let samples = config.samples { text += " samples=\(samples)" }
      if let length = config.length { text += " length=\(length)" }
    }
    translation.add(text, from: span)
  }

  private func finetune(
    _ section: Section, pass: String, _ span: Span, _ translation: inout Translation
  ) {
    guard let config = rows(section, "train_data_config", required: true) else { return }
    if pass == "QLoRA" {
      problems.note(
        "QLoRA rounds the base to 4 bits with rtn in groups of 64, not to NF4", at: span)
      translation.add("quantize rtn bits=4 group=64", from: span)
      section.without(
        ["quant_type", "double_quant", "compute_dtype"], because: "the base is not in NF4")
    }
    var text = "finetune"
    if let rows = config.source.argument(&translation, preferred: "rows", problems) {
      text += " \(rows)"
    }
    if let held = rows(section, "eval_data_config") {
      let rows = held.source.argument(&translation, preferred: "held", problems)
      if let rows { text += " eval=\(rows)" }
    } else {
      text += " eval=no"
    }
    var training = Training(problems)
    if let arguments = section.section("training_args") {
      training.readTrainer(arguments)
      arguments.finish()
    }
    training.readAdapter(section)
    let usesDoRA = section.flag("use_dora")?.value ?? false
    if pass == "DoRA" || usesDoRA { training.arguments.append("method=dora") }
    section.without(
      ["ephemeral_gpu_offload"], because: "it only says where a device keeps what it waits for")
    if let length = config.length { training.arguments.append("length=\(length)") }
    if !config.packs { training.arguments.append("pack=no") }
    section.without(
      ["torch_dtype", "allow_tf32"], because: "`--compute` says in which precision to compute")
    translation.add(([text] + training.arguments).joined(separator: " "), from: span)
  }
}

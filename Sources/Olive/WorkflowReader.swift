import Language

/// A workflow file: what it loads, the passes it runs, and what it measures.
struct WorkflowReader {
  let problems: Problems
  /// From the command line, over what the file says.
  private let output: Section.Found<String>?
  private let model: Section.Found<String>?
  private var data: [String: WorkflowData] = [:]

  init(_ problems: Problems, output: Section.Found<String>?, model: Section.Found<String>?) {
    self.problems = problems
    self.output = output
    self.model = model
  }

  mutating func read(_ workflow: Section, _ translation: inout Translation) {
    readMachine(workflow, &translation)
    for entry in workflow.sections("data_configs") {
      guard let config = WorkflowData(entry) else { continue }
      if data[config.name] != nil {
        problems.refuse("there are two data configs `\(config.name)`", at: config.source.span)
      }
      data[config.name] = config
    }
    readModel(workflow, &translation)
    let metrics = readEvaluators(workflow)
    let passes = workflow.node("passes").map(self.passes) ?? []
    // Olive measures the input model too, unless it is told not to.
    let measuresInput = workflow.flag("evaluate_input_model")?.value ?? true
    if passes.isEmpty || measuresInput { measure(metrics, &translation) }
    var isTuned = false
    for pass in passes {
      WorkflowPass(pass.section, name: pass.name, data: data, problems).read(&translation)
      isTuned = translation.statements.last?.text.hasPrefix("finetune") == true
    }
    if !passes.isEmpty {
      save(workflow, isTuned: isTuned, &translation)
      measure(metrics, &translation)
    } else if let place = workflow.place("output_dir") {
      _ = workflow.text("output_dir")
      problems.note(
        "nothing is written to `output_dir`: there is no pass, and reports go to standard output",
        at: place)
    }
    readRest(workflow)
    workflow.finish()
  }

  private func readModel(_ workflow: Section, _ translation: inout Translation) {
    guard let section = workflow.section("input_model") else {
      return problems.refuse("there is no `input_model`", at: workflow.span)
    }
    _ = section.choice("type", of: ["HfModel"])
    let path = section.text("model_path")
    let adapter = section.text("adapter_path")
    section.only("task", ["text-generation"], because: "olv works on language models")
    var dtype: String?
    if let load = section.section("load_kwargs") {
      dtype = OliveCommand.dtype(load, "torch_dtype")
      load.without(["attn_implementation"], because: "attention is olv's own")
      load.without(["trust_remote_code"], because: "no code that a model brings is ever run")
      load.without(["device_map"], because: "`--device` says where to compute")
      load.finish()
    }
    section.finish()
    guard let source = model ?? path else {
      return problems.refuse("`input_model` has no `model_path`", at: section.span)
    }
    OliveCommand.load(source, adapter: adapter, dtype: dtype, &translation)
  }

  /// `passes` is a mapping of names, or a list; some versions put each pass into a list of its own.
  private func passes(_ node: ConfigNode) -> [(name: String, section: Section)] {
    func section(_ name: String, _ node: ConfigNode) -> [(String, Section)] {
      if case .list(let elements) = node.value {
        if elements.count > 1 {
          problems.refuse(
            "`\(name)` lists several passes to choose from; olv runs one after the other",
            at: node.span)
        }
        return elements.first.map { [(name, Section($0, title: "the pass `\(name)`", problems))] }
          ?? []
      }
      return [(name, Section(node, title: "the pass `\(name)`", problems))]
    }
    switch node.value {
    case .mapping(let entries): return entries.flatMap { section($0.key, $0.value) }
    case .list(let elements):
      return elements.enumerated().flatMap { section("\($0.offset + 1)", $0.element) }
    case .scalar:
      if !node.isNull { problems.refuse("`passes` must be a mapping", at: node.span) }
      return []
    }
  }

  private func save(_ workflow: Section, isTuned: Bool, _ translation: inout Translation) {
    let folder = workflow.text("output_dir")
    let target = output ?? folder
    let span = target?.span ?? workflow.span
    let path = target?.value ?? "models"
    if isTuned {
      OliveCommand.saveApart(path, from: span, &translation)
      // What is measured afterwards is the model with its adapter.
      translation.add(
        "load \(Script.word(path + "/model")) adapter=\(Script.word(path + "/adapter"))",
        from: span)
    } else {
      translation.add("save \(Script.word(path + "/model"))", from: span)
    }
  }
}

extension WorkflowReader {
  /// Where to compute: `systems`, `host` and `target`.
  private func readMachine(_ workflow: Section, _ translation: inout Translation) {
    var devices: [String: Section.Found<String>] = [:]
    if let systems = workflow.section("systems") {
      for entry in systems.all() {
        let system = Section(entry.value, title: "the system `\(entry.key)`", problems)
        _ = system.choice("type", of: ["LocalSystem"])
        for accelerator in system.sections("accelerators") {
          if let device = accelerator.choice("device", of: ["cpu", "gpu"]) {
            devices[entry.key] = device
          }
          accelerator.without(
            ["execution_providers", "memory"], because: "models run in olv, not in ONNX Runtime")
          accelerator.finish()
        }
        system.finish()
      }
    }
    for name in ["host", "target"] {
      guard let found = workflow.text(name) else { continue }
      guard devices[found.value] != nil || workflow.place("systems") == nil else {
        problems.refuse("there is no system `\(found.value)`", at: found.span)
        continue
      }
      if name == "target", let device = devices[found.value] {
        if device.value == "cpu" {
          translation.add("device cpu", from: device.span)
        } else {
          problems.note(
            "a GPU is used where one works, as `--device` says", at: device.span)
        }
      }
    }
  }

  struct Metric {
    var data: WorkflowData
    var span: Span
  }

  private func readEvaluators(_ workflow: Section) -> [Metric] {
    var evaluators: [String: [Metric]] = [:]
    if let section = workflow.section("evaluators") {
      for entry in section.all() {
        let evaluator = Section(entry.value, title: "the evaluator `\(entry.key)`", problems)
        evaluators[entry.key] = evaluator.sections("metrics").compactMap(metric)
        evaluator.finish()
      }
    }
    guard let chosen = workflow.text("evaluator") else {
      if let place = workflow.place("evaluators") {
        problems.note("no `evaluator` is chosen, so nothing is measured", at: place)
      }
      return []
    }
    guard let metrics = evaluators[chosen.value] else {
      problems.refuse(
        "there is no evaluator `\(chosen.value)`", at: chosen.span,
        meant: didYouMean(chosen.value, among: evaluators.keys.sorted()))
      return []
    }
    return metrics
  }

  private func metric(_ section: Section) -> Metric? {
    _ = section.text("name")
    _ = section.choice("type", of: ["accuracy"])
    section.without(["backend"], because: "perplexity is measured in olv")
    for kind in section.sections("sub_types") {
      _ = kind.choice("name", of: ["perplexity"])
      kind.without(["priority", "goal", "higher_is_better"], because: "nothing is searched for")
      kind.finish()
    }
    let config = section.text("data_config")
    section.finish()
    guard let config else {
      problems.refuse("the metric has no `data_config`", at: section.span)
      return nil
    }
    guard let rows = data[config.value] else {
      problems.refuse(
        "there is no data config `\(config.value)`", at: config.span,
        meant: didYouMean(config.value, among: data.keys.sorted()))
      return nil
    }
    return Metric(data: rows, span: config.span)
  }

  private func measure(_ metrics: [Metric], _ translation: inout Translation) {
    for metric in metrics {
      let rows = metric.data.source.argument(&translation, preferred: "rows", problems)
      guard let rows else { continue }
      var text = "ppl \(rows)"
      if metric.data.joins { text += " as=join" }
      if let batch = metric.data.batch { text += " batch=\(batch)" }
      if let length = metric.data.length { text += " length=\(length)" }
      if metric.data.special { text += " special=yes" }
      translation.add(text, from: metric.span)
    }
  }

  private func readRest(_ workflow: Section) {
    if let section = workflow.section("auto_optimizer_config") {
      section.only(
        "disable_auto_optimizer", ["true"], because: "olv runs the passes that the file names")
      section.finish()
    }
    if let section = workflow.section("engine") {
      section.without(
        ["log_severity_level", "cache_dir", "clean_cache"], because: "olv keeps its own")
      section.finish()
    }
    workflow.only(
      "search_strategy", ["false"], because: "olv runs every pass once; `each` tries several values"
    )
    workflow.without(
      [
        "log_severity_level", "log_to_file", "cache_dir", "clean_cache", "no_artifacts",
        "workflow_id", "verbose", "cache_config", "ort_log_severity_level", "$schema",
      ], because: "it changes no result")
  }
}

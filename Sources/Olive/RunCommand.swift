import Language

extension OliveCommand {
  /// `run --config FILE`
  static func run(
    _ words: [String], _ translation: inout Translation, _ problems: Problems,
    _ read: (String) throws -> Source
  ) throws {
    var short = shorts
    short["-c"] = "config"
    let line = CommandLineConfig(
      command: "run", words: words, shorts: short, switches: switches, problems)
    let section = Section(line.node, title: "`olv run`", problems)
    guard let path = section.text("config", "run_config") else {
      return problems.refuse(
        "`--config` says which workflow to run", at: section.span.after,
        help: "olv run --config workflow.yaml")
    }
    let output = section.text("output_path")
    var model = section.text("model_name_or_path")
    readCommon(section)
    section.finish()
    do {
      let workflow = Section(
        try YAMLConfig.read(try read(path.value)), title: "the workflow", problems)
      if model?.value.isEmpty == true { model = nil }
      var reader = WorkflowReader(problems, output: output, model: model)
      reader.read(workflow, &translation)
    } catch let diagnostic as Diagnostic {
      throw DiagnosticSet([diagnostic])
    }
  }
}

import Language

/// An entry of `data_configs`.
struct WorkflowData {
  var name: String
  var source: DataSource
  /// Whether rows are joined and cut into blocks, instead of taken one by one.
  var joins = false
  var packs = true
  var length: Int?
  var samples: Int?
  var batch: Int?
  var special = false

  init?(_ section: Section) {
    let problems = section.problems
    let name = section.text("name")
    _ = section.choice("type", of: ["HuggingfaceContainer"])
    var source = DataSource(name: "", span: name?.span ?? section.span)
    if let load = section.section("load_dataset_config") {
      if let name = load.text("data_name") {
        source.name = name.value
        source.span = name.span
      }
      source.files = load.words("data_files")?.value ?? []
      source.subset = load.text("subset", "data_config")?.value
      source.split = load.text("split")
      load.only("type", ["huggingface_dataset"], because: "rows come from files or the hub's cache")
      load.without(["trust_remote_code"], because: "no code that a dataset brings is ever run")
      load.finish()
    }
    var joins = false
    var packs = true
    if let process = section.section("pre_process_data_config") {
      source.template = process.text("text_template")?.value
      if let columns = process.words("text_cols") {
        if columns.value.count > 1 {
          problems.refuse(
            "several text columns are not joined", at: columns.span,
            help: "write a `text_template`")
        }
        source.field = columns.value.first
      }
      if let strategy = process.choice("strategy", of: ["line-by-line", "join"]) {
        joins = strategy.value == "join"
        packs = joins
      }
      length = process.whole("max_seq_len")?.value
      samples = process.whole("max_samples")?.value
      special = process.flag("add_special_tokens")?.value ?? false
      process.only("type", ["text_generation_huggingface_dataset"], because: "rows become text")
      for name in ["chat_template", "use_chat_template"] {
        process.only(
          name, ["false"], because: "chat templates are not rendered for data; use `text_template`")
      }
      process.finish()
    }
    if let loader = section.section("dataloader_config") {
      batch = loader.whole("batch_size")?.value
      loader.without(["drop_last", "num_workers", "shuffle"], because: "every row is taken once")
      loader.finish()
    }
    if let after = section.section("post_process_data_config") { after.finish() }
    section.finish()
    guard let name, !source.name.isEmpty else {
      problems.refuse(
        "a data config needs `name` and `load_dataset_config: data_name`", at: section.span)
      return nil
    }
    self.name = name.value
    self.source = source
    (self.joins, self.packs) = (joins, packs)
  }
}

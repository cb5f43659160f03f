import Language

/// What Olive's LoRA passes and `olive finetune` say about training, as arguments of `finetune`.
struct Training {
  var arguments: [String] = []
  private let problems: Problems

  init(_ problems: Problems) { self.problems = problems }

  /// The adapter: names of passes and of flags.
  mutating func readAdapter(_ section: Section) {
    if let rank = section.whole("lora_r", "r") { arguments.append("rank=\(rank.value)") }
    if let alpha = section.number("lora_alpha", "alpha") {
      arguments.append("alpha=\(alpha.value.text)")
    }
    if let dropout = section.number("lora_dropout") {
      arguments.append("dropout=\(dropout.value.text)")
    }
    if let targets = section.words("target_modules") {
      arguments.append("targets=\(Script.list(targets.value))")
    }
    section.only(
      "bias", ["none"], because: "olv trains the two factors of the adapter and no biases")
    section.only(
      "use_ort_trainer", ["false"], because: "training runs in olv itself")
  }

  /// Arguments of transformers' `TrainingArguments`.
  mutating func readTrainer(_ section: Section) {
    var batch: Int?
    if let size = section.whole("per_device_train_batch_size") { batch = size.value }
    if let steps = section.whole("gradient_accumulation_steps") {
      // Gradients are averages over a step's tokens, whichever passes they came from.
      batch = (batch ?? 1) * steps.value
    }
    let steps = section.whole("max_steps")
    if let steps { arguments.append("steps=\(steps.value)") }
    if let epochs = section.place("num_train_epochs") {
      _ = section.number("num_train_epochs")
      if steps == nil {
        problems.refuse(
          "`num_train_epochs` has no counterpart", at: epochs,
          help: "give `max_steps`: rows × epochs ÷ batch size, counted in packed blocks")
      }
    }
    if let batch { arguments.append("batch=\(batch)") }
    if let log = section.whole("logging_steps") { arguments.append("log=\(log.value)") }
    if let rate = section.number("learning_rate") { arguments.append("lr=\(rate.value.text)") }
    if let schedule = section.choice(
      "lr_scheduler_type", of: ["constant", "linear", "cosine", "constant_with_warmup"])
    {
      let shape = schedule.value == "constant_with_warmup" ? "constant" : schedule.value
      arguments.append("schedule=\(shape)")
    }
    readWarmup(section, steps: steps?.value)
    if let decay = section.number("weight_decay") {
      arguments.append("decay=\(decay.value.text)")
    }
    if let clip = section.number("max_grad_norm") { arguments.append("clip=\(clip.value.text)") }
    if let seed = section.whole("seed") { arguments.append("seed=\(seed.value)") }
    if let checkpointing = section.flag("gradient_checkpointing"), checkpointing.value {
      arguments.append("checkpointing=yes")
    }
    section.only(
      "optim", ["paged_adamw_32bit", "adamw_torch", "adamw_hf", "adamw_torch_fused"],
      because: "olv trains with AdamW")
    section.without(
      ["per_device_eval_batch_size", "eval_batch_size"],
      because: "how many rows are evaluated together never changes the number")
    section.without(
      ["data_seed"], because: "`seed` orders the data too")
    section.without(
      ["group_by_length"], because: "rows are packed into blocks of one length")
    section.without(
      [
        "evaluation_strategy", "eval_strategy", "eval_steps", "save_steps", "save_strategy",
        "save_total_limit", "logging_strategy", "report_to", "output_dir", "logging_dir",
        "overwrite_output_dir", "dataloader_num_workers", "disable_tqdm",
      ], because: "finetune evaluates at its log lines and is saved when it is done")
  }

  private mutating func readWarmup(_ section: Section, steps: Int?) {
    if let warmup = section.whole("warmup_steps") {
      arguments.append("warmup=\(warmup.value)")
      section.without(["warmup_ratio"], because: "`warmup_steps` is given")
    } else if let ratio = section.number("warmup_ratio") {
      guard let steps else {
        return problems.refuse("`warmup_ratio` needs `max_steps`", at: ratio.span)
      }
      let warmup = Int((ratio.value.value * Double(steps)).rounded(.up))
      arguments.append("warmup=\(warmup)")
    }
  }
}

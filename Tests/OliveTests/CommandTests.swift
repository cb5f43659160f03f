import Language
import Testing

@testable import Olive

/// The script that a command amounts to, without the comments.
func script(_ name: String, _ words: [String], _ file: String = "") throws -> [String] {
  try OliveCommand.translate(name, words) { Source(name: $0, text: file) }.statements.map(\.text)
}

/// What is said about a command that cannot be translated.
func refusals(_ name: String, _ words: [String], _ file: String = "") -> [Diagnostic] {
  do {
    _ = try OliveCommand.translate(name, words) { Source(name: $0, text: file) }
    return []
  } catch let set as DiagnosticSet { return set.errors } catch { return [] }
}

@Suite struct CommandTests {
  /// The published commands, word for word but for the program's name.
  static let template =
    "### Language: {programming_language} \\n### Question: {prompt} \\n### Answer: {response}"

  @Test func publishedQuantizations() throws {
    #expect(
      try script(
        "quantize",
        [
          "--algorithm", "awq", "--model_name_or_path", "microsoft/Phi-3.5-mini-instruct",
          "--output_path", "models/phi-awq",
        ]) == ["load phi", "quantize awq", "save models/phi-awq"])
    #expect(
      try script(
        "quantize",
        [
          "--algorithm", "gptq", "--model_name_or_path", "microsoft/Phi-3.5-mini-instruct",
          "--data_name", "wikitext", "--subset", "wikitext-2-raw-v1", "--split", "train",
          "--max_samples", "128", "--output_path", "models/phi-gptq",
        ]) == ["load phi", "quantize gptq data=wikitext samples=128", "save models/phi-gptq"])
  }

  @Test func publishedFineTuning() throws {
    #expect(
      try script(
        "finetune",
        [
          "--model_name_or_path", "models/phi-awq", "--data_name", "nampdn-ai/tiny-codes",
          "--train_split", "train[:4096]", "--eval_split", "train[4096:4224]", "--text_template",
          Self.template, "--per_device_train_batch_size", "16", "--per_device_eval_batch_size",
          "16", "--max_steps", "100", "--logging_steps", "25", "--output_path",
          "models/phi-awq-ft",
        ]) == [
          "load models/phi-awq",
          "rows = dataset tiny-codes template=\"### Language: {programming_language} \\n### Question: {prompt} \\n### Answer: {response}\"",
          "finetune $rows[:4096] eval=$rows[4096:4224] steps=100 batch=16 log=25",
          "save models/phi-awq-ft/adapter format=peft", "drop adapter",
          "save models/phi-awq-ft/model",
        ])
  }

  @Test func everyOptionHasItsPlace() throws {
    #expect(
      try script(
        "finetune",
        [
          "-m", "models/a", "-d", "json", "--data_files", "rows.jsonl", "--text_field", "text",
          "--method", "qlora", "--lora_r", "8", "--lora_alpha", "32", "--target_modules",
          "qkv_proj,o_proj", "--learning_rate", "1e-4", "--lr_scheduler_type", "cosine",
          "--warmup_ratio", "0.05", "--gradient_accumulation_steps=4",
          "--per_device_train_batch_size=2", "--max_steps", "50", "--weight_decay", "0.1",
          "--max_grad_norm", "0.3", "--seed", "7", "--gradient_checkpointing", "true",
          "--torch_dtype", "bfloat16", "--max_seq_len", "256", "-o", "out dir",
        ]) == [
          "load models/a dtype=bf16", "quantize rtn bits=4 group=64",
          "rows = dataset rows.jsonl field=text",
          "finetune $rows eval=no steps=50 batch=8 lr=1e-4 schedule=cosine warmup=3 decay=0.1 clip=0.3 seed=7 checkpointing=yes rank=8 alpha=32 targets=[qkv_proj o_proj] length=256",
          "save \"out dir/adapter\" format=peft", "drop adapter", "save \"out dir/model\"",
        ])
    #expect(
      try script(
        "quantize",
        [
          "-m", "models/a", "-a", "models/b", "--precision", "int3", "--algorithm=rtn",
        ]) == ["load models/a adapter=models/b", "quantize rtn bits=3", "save quantized-model"])
  }

  @Test func whatIsNotSupportedIsNamedWithItsPlace() throws {
    let found = refusals(
      "quantize",
      ["--algorithm", "hqq", "--model_name_or_path", "m", "--precison", "int4", "loose"])
    #expect(found.count == 3)
    let messages = found.map(\.message)
    #expect(messages[0].contains("`loose`"))
    #expect(messages[1].contains("`hqq`"))
    #expect(messages[2].contains("`precison`"))
    #expect(found[2].label == "did you mean `precision`?")
    #expect(found[1].span?.text == "hqq")
    #expect(found[1].span?.source.text.hasPrefix("olv quantize --algorithm hqq") == true)
    #expect(refusals("finetune", ["-m", "a"]).first?.message.contains("--data_name") == true)
    #expect(
      refusals("finetune", ["-m", "a", "-d", "b", "--train_split", "train[:10%]"]).first?.message
        .contains("train[:10%]") == true)
    #expect(refusals("quantize", []).count == 1)
    #expect(refusals("quantize", ["--model_name_or_path"]).count == 2)
  }

  @Test func whatDiffersIsSaid() throws {
    let translation = try OliveCommand.translate(
      "quantize", ["-m", "phi", "--trust_remote_code", "--batch_size", "4"]
    ) { Source(name: $0, text: "") }
    #expect(translation.notes.count == 2)
    #expect(translation.script.hasPrefix("# `batch_size` has no counterpart"))
    // A finding about a line of the script says which flag the line comes from.
    let source = translation.source(named: "olv quantize")
    let offset = translation.script.utf8.count - 10
    let finding = Diagnostic(
      code: "x", "no", at: Span(source: source, start: offset, end: offset))
    #expect(translation.located(finding).notes == ["from command line, line 1, column 1"])
  }

  @Test func scriptsParse() throws {
    for words in [
      ["-m", "a b/\"$x\"", "-o", "ünder/way"], ["-m", "each", "-o", "in"], ["-m", "1", "-o", "-"],
    ] {
      let text = try OliveCommand.translate("quantize", words) { Source(name: $0, text: "") }
      let parsed = parse(Source(name: "test", text: text.script))
      #expect(parsed.diagnostics.isEmpty, "\(text.script)")
    }
  }
}

import FoundationEssentials
import Language
import TestSupport
import Testing

@testable import Olive

@Suite struct WorkflowTests {
  static let published = try? String(
    contentsOfFile: "\(Shared.fixtures)/perplexity-config.yaml",
    encoding: .utf8)

  @Test func thePublishedWorkflow() throws {
    let text = try #require(Self.published)
    let translation = try OliveCommand.translate("run", ["--config", "perplexity-config.yaml"]) {
      Source(name: $0, text: text)
    }
    #expect(
      translation.statements.map(\.text) == [
        "load models/phi-awq-ft/model adapter=models/phi-awq-ft/adapter",
        "rows = dataset tiny-codes template=\"### Language: {programming_language}\\n### Question: {prompt}\\n### Answer: {response}\"",
        "ppl $rows[5000:6000] batch=8 length=1024",
      ])
    // The GPU, its execution providers, and a folder for models that no pass makes.
    #expect(translation.notes.count == 3)
    #expect(translation.statements[2].origin.line == 34)
  }

  static let passes = """
    input_model: {type: HfModel, model_path: models/base}
    data_configs:
    - name: train
      type: HuggingfaceContainer
      load_dataset_config: {data_name: json, data_files: [rows.jsonl], split: "train[:100]"}
      pre_process_data_config: {text_template: "{a}", max_seq_len: 128}
    - name: calib
      load_dataset_config: {data_name: wikitext, subset: wikitext-2-raw-v1, split: train}
      pre_process_data_config: {text_cols: text, max_seq_len: 512, max_samples: 32}
    passes:
      q:
        type: GptqQuantizer
        bits: 3
        group_size: 64
        sym: true
        desc_act: true
        damp_percent: 0.05
        data_config: calib
      t:
        type: lora
        train_data_config: train
        lora_r: 8
        training_args: {max_steps: 5, per_device_train_batch_size: 2}
      m: {type: MergeAdapterWeights}
    output_dir: models/out
    """

  @Test func passesFollowEachOther() throws {
    #expect(
      try script("run", ["--config", "x.yaml"], Self.passes) == [
        "load models/base",
        "quantize gptq bits=3 group=64 symmetric=yes damp=0.05 order=act data=wikitext samples=32 length=512",
        "rows = dataset rows.jsonl template=\"{a}\"",
        "finetune $rows[:100] eval=no steps=5 batch=2 rank=8 length=128", "merge",
        "save models/out/model",
      ])
    // The same as JSON.
    #expect(
      try script(
        "run", ["-c", "x.json", "-o", "elsewhere"],
        "{\"input_model\": {\"type\": \"HfModel\", \"model_path\": \"m\"},\n\t\"passes\": {\"a\": {\"type\": \"AutoAWQQuantizer\", \"w_bit\": 4, \"q_group_size\": 32, \"zero_point\": true}}}"
      ) == ["load m", "quantize awq bits=4 group=32 symmetric=no", "save elsewhere/model"])
  }

  /// The pass of its own, and the flag of the other.
  @Test(arguments: [
    ("dora", "", "method=dora"), ("LoRA", "use_dora: true", "method=dora"),
    ("LoRA", "use_dora: false", ""), ("QLoRA", "use_dora: true", "method=dora"),
  ])
  func doraIsAMethodOfTraining(type: String, more: String, method: String) throws {
    let statements = try script(
      "run", ["--config", "x.yaml"],
      """
      input_model: {type: HfModel, model_path: m}
      data_configs:
      - {name: train, load_dataset_config: {data_name: json, data_files: [rows.jsonl]}, pre_process_data_config: {text_template: "{a}"}}
      passes:
        t:
          type: \(type)
          train_data_config: train
          r: 8
          \(more)
      """)
    let training = try #require(statements.first { $0.hasPrefix("finetune") })
    #expect(training == "finetune $rows eval=no rank=8" + (method.isEmpty ? "" : " \(method)"))
    #expect(statements.contains("quantize rtn bits=4 group=64") == (type == "QLoRA"))
  }

  @Test(arguments: [
    ("passes: {a: {type: OnnxConversion}}", 2, 20, "OnnxConversion"),
    ("pases: {}", 2, 1, "pases"),
    ("evaluator: x", 2, 12, "no evaluator `x`"),
    ("target: there\nsystems: {here: {type: LocalSystem}}", 2, 9, "no system `there`"),
    ("systems: {s: {type: AzureML}}", 2, 21, "AzureML"),
    ("auto_optimizer_config: {disable_auto_optimizer: false}", 2, 49, "can only be true"),
    ("passes: {a: {type: Rtn, bits: 5}}", 2, 31, "`bits` is `5`"),
    ("passes: {a: {type: Rtn, bit: 4}}", 2, 25, "no `bit`"),
    ("passes: {a: {type: LoRA}}", 2, 13, "needs `train_data_config`"),
    ("passes: {a: {type: Rtn, data_config: d}}", 2, 38, "no data config `d`"),
    (
      "data_configs:\n- name: d\n  load_dataset_config: {data_name: x}\n  pre_process_data_config: {stratgy: join}",
      5, 29, "stratgy"
    ),
    ("x: [", 3, 1, "not valid YAML"),
    ("output_dir: a\noutput_dir: b", 3, 1, "twice"),
  ])
  func whatIsNotSupportedIsNamedWithItsPlace(
    text: String, line: Int, column: Int, message: String
  ) throws {
    let file = "input_model: {type: HfModel, model_path: m}\n" + text + "\n"
    let found = refusals("run", ["--config", "x.yaml"], file)
    let finding = try #require(
      found.first { $0.message.contains(message) }, "\(found.map(\.message))")
    #expect(finding.line == line && finding.column == column, "\(finding)")
    #expect(finding.source?.name == "x.yaml")
  }

  @Test func noFileIsTooOddToBeRead() {
    for text in [
      "", "a", "- a", "{", "\u{0}", "input_model: []", "passes: 3", "data_configs: {a: b}",
      "*a", "? [a]\n: b", "a: 1\n---\nb: 2", String(repeating: "[", count: 200),
      "input_model: {model_path: [a]}", "evaluators: 1\nevaluator: x", "é: {ü: *ö}",
    ] {
      #expect(!refusals("run", ["--config", "x.yaml"], text).isEmpty, "\(text)")
    }
  }
}

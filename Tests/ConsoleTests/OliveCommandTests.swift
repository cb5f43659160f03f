import FoundationEssentials
import TestSupport
import Testing

/// Olive's commands through the program, on the demo pack: the published sequence, made short.
@Suite(.enabled(if: BuiltProgram.path != nil, "the program is built with the tests"), .serialized)
struct OliveCommandTests {
  private func olv(_ words: [String]) throws -> Program {
    try Program(["--quiet", "--use", "demo"] + words, library: "\(Shared.root)/stdlib")
  }

  @Test func quantizeFinetuneAndMeasure() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let quantized = try olv([
      "quantize", "--algorithm", "rtn", "--model_name_or_path",
      "microsoft/Phi-3.5-mini-instruct", "--output_path", "\(folder)/phi-rtn",
    ])
    #expect(quantized.status == 0, "\(quantized.err)")
    let tuned = try olv([
      "finetune", "--model_name_or_path", "\(folder)/phi-rtn", "--data_name",
      "nampdn-ai/tiny-codes", "--train_split", "train[:64]", "--eval_split", "train[4096:4100]",
      "--text_template",
      "### Language: {programming_language} \\n### Question: {prompt} \\n### Answer: {response}",
      "--per_device_train_batch_size", "2", "--per_device_eval_batch_size", "2", "--max_steps",
      "2", "--logging_steps", "1", "--max_seq_len", "64", "--output_path", "\(folder)/phi-ft",
    ])
    #expect(tuned.status == 0, "\(tuned.err)")
    #expect(tuned.err.contains("per_device_eval_batch_size"))
    let config = """
      input_model:
        type: HfModel
        model_path: \(folder)/phi-ft/model
        adapter_path: \(folder)/phi-ft/adapter
      data_configs:
        - name: rows
          load_dataset_config: {data_name: nampdn-ai/tiny-codes, split: "train[5000:5010]"}
          pre_process_data_config:
            text_template: |-
              ### Question: {prompt}
              ### Answer: {response}
            strategy: line-by-line
      evaluators:
        mine: {metrics: [{name: p, type: accuracy, sub_types: [{name: perplexity}], data_config: rows}]}
      evaluator: mine
      """
    try Shared.write(config, to: "\(folder)/ppl.yaml")
    let measured = try olv(["--json", "run", "--config", "\(folder)/ppl.yaml"])
    #expect(measured.status == 0, "\(measured.err)")
    #expect(measured.out.contains("\"verb\":\"ppl\"") || measured.out.contains("\"verb\": \"ppl\""))
    #expect(measured.out.contains("adapter"))
    // Without its adapter the same model says something else.
    let bare = try olv([
      "-c",
      "load \(folder)/phi-ft/model; inspect lineage",
    ])
    #expect(bare.status == 0 && !bare.out.contains("adapter adapter"), "\(bare.out)")
  }

  @Test func theScriptIsShown() throws {
    let shown = try olv(["quantize", "-m", "phi", "--algorithm", "awq", "--show"])
    #expect(shown.status == 0)
    #expect(shown.out == "load phi\nquantize awq\nsave quantized-model\n")
  }

  @Test func faultsPointIntoTheFileOrTheLine() throws {
    let folder = try Shared.temporaryFolder()
    defer { Shared.remove(folder) }
    let path = "\(folder)/w.yaml"
    try Shared.write("input_model: {type: HfModel, model_path: phi}\npases: {}\n", to: path)
    let typo = try olv(["run", "--config", path])
    #expect(typo.status == 2 && typo.out.isEmpty)
    #expect(typo.err.contains("did you mean `passes`?"))
    let missing = try olv(["run", "--config", "\(folder)/none.yaml"])
    #expect(missing.status == 2)
    // A fault of the script itself says where its line comes from.
    try Shared.write("input_model: {type: HfModel, model_path: no/such}\n", to: path)
    let absent = try olv(["run", "--config", path])
    #expect(absent.status == 2)
    #expect(absent.err.contains("w.yaml, line 1, column 42"), "\(absent.err)")
  }
}

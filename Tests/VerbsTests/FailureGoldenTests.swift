import Language
import Runtime
import TestSupport
import Testing

@testable import CUDA
@testable import Cache
@testable import Checkpoints
@testable import Console
@testable import Data
@testable import Evaluation
@testable import FineTuning
@testable import JSON
@testable import Models
@testable import Quantization
@testable import Session
@testable import Tensor
@testable import Tokenizers
@testable import Verbs

/// Every failure of the engine as a person reads it, at a statement: `Tests/Fixtures/Diagnostics/failures.txt`. Many of them no
/// script can bring about at will: no memory, a damaged disk, a GPU that is busy.
@Suite struct FailureGoldenTests {
  static let failures: [any Failure] = [
    // Tensors and the libraries below them.
    ShapeMismatch(operation: "linear", expected: "[8, 256]", found: "[8, 255]"),
    OutOfMemory(operation: "linear", requested: 6 << 30, available: 2 << 30),
    NotFinite(operation: "quantization", what: "weights"), NotPositiveDefinite(damping: 0.5),
    UnusableLevel(text: "5", highest: 4), NoEigenvectors(order: 512),
    InvalidArgument(function: "spotrf", argument: 4),
    MissingLibrary(name: "libopenblas.so.0", package: "libopenblas0", symbol: "cblas_sgemm"),
    // GPUs.
    CUDAUnavailable.noDriver(searched: ["libcuda.so.1"], reason: "no such file"),
    CUDAUnavailable.driverTooOld(version: 11040, needed: 12000),
    CUDAUnavailable.driverFailed(call: "cuInit", error: "unknown error"),
    CUDAUnavailable.noGPU, CUDAUnavailable.noSuchGPU(index: 3, count: 2),
    CUDAUnavailable.unsupportedGPU(name: "Tesla K80", capability: "3.7", needed: "7.0"),
    CUDAUnavailable.busy(name: "NVIDIA H200"),
    CUDAUnavailable.missingLibrary(
      names: ["libnvrtc.so.13", "libnvrtc.so.12"], searched: ["/usr/local/cuda/lib64"],
      reason: "no such file"),
    CUDACallFailed(operation: "linear", call: "cuLaunchKernel", error: "launch failed"),
    KernelRejected(kernel: "add", architecture: "sm_90", log: "error: expected a `;`"),
    // Files.
    BadCheckpoint(
      path: "phi/model.safetensors", offset: 8, tensor: "lm_head.weight",
      reason: "its bytes lie outside of the file", help: "download it again"),
    MissingFiles(folder: "phi", names: ["config.json", "tokenizer.json"]),
    FileFailure("write", "out/model.safetensors", code: 28),
    NotReplaceable(path: "out", reason: "it holds other files"),
    DamagedEntry(path: "entries/ab/ab12", reason: "its checksum is wrong"),
    NoRoom(bytes: 900 << 20, limit: 512 << 20), BadPatch(part: "model.norm"), NoStore(),
    JSONFailure(
      reason: "expected `,` or `}`", offset: 24, line: 2, column: 5, path: "phi/config.json"),
    // Tokenizers.
    TokenizerFailure.unreadable(path: "phi/tokenizer.json", reason: "no such file"),
    TokenizerFailure.missing(path: "phi/tokenizer.json", field: "model.vocab"),
    TokenizerFailure.mistyped(
      path: "phi/tokenizer.json", field: "model.merges", expected: "a list", found: "a number"),
    TokenizerFailure.invalid(
      path: "phi/tokenizer.json", field: "model.vocab", reason: "two tokens have the id 7"),
    TokenizerFailure.unsupported(
      path: "phi/tokenizer.json", field: "model.type", component: "model", found: "Unigram",
      supported: ["BPE"]),
    // Models.
    UnsupportedModel(
      what: "architecture", found: "MambaForCausalLM",
      supported: ["LlamaForCausalLM", "Phi3ForCausalLM"], path: "m/config.json"),
    BadConfig(
      path: "m/config.json", field: "hidden_size", expected: "a whole number", found: "`x`"),
    WrongTensor(
      name: "lm_head.weight", expected: "[2048, 256]", found: "[2048, 128]",
      path: "m/model.safetensors"),
    TokenOutOfRange(id: 50000, vocabulary: 2048),
    // Data.
    DatasetFailure.unreadable(path: "rows.jsonl", reason: "permission denied"),
    DatasetFailure.unsupported(
      path: "rows.parquet", found: "a Parquet file", advice: "convert it to JSONL"),
    DatasetFailure.damagedGzip(path: "rows.jsonl.gz", offset: 4096, reason: "wrong checksum"),
    DatasetFailure.tooLarge(path: "rows.json", limit: 1 << 30, what: "the file"),
    DatasetFailure.malformed(
      path: "rows.jsonl", line: 7, reason: "no JSON object", excerpt: "{\"a\" 1"),
    DatasetFailure.changed(path: "rows.jsonl"), DatasetFailure.noRows(source: "rows.jsonl"),
    DatasetFailure.noDataFiles(folder: "rows", formats: ["JSONL", "CSV"]),
    DatasetFailure.missingShards(folder: "rows", names: ["train-00001-of-00002.jsonl"]),
    DatasetFailure.severalConfigurations(
      folder: "wikitext", names: ["wikitext-2", "wikitext-103"]),
    DatasetFailure.noConfiguration(
      folder: "wikitext", name: "wikitext-3", available: ["wikitext-2", "wikitext-103"]),
    DatasetFailure.noSplit(
      dataset: "wikitext", name: "vallid", available: ["train", "validation"]),
    DatasetFailure.beyondEnd(dataset: "tiny-codes", slice: "7000:8000", rows: 6000),
    DatasetFailure.emptySlice(dataset: "tiny-codes", slice: "5:5", rows: 6000),
    DatasetFailure.noText(dataset: "rows.jsonl", columns: ["prompt", "response"]),
    DatasetFailure.noRowsInRandom(dataset: "random"),
    UnknownColumn(column: "promt", columns: ["prompt", "response"], dataset: "rows.jsonl"),
    HubIDFailure(id: "a/b/c", reason: "it has two slashes"),
    SliceFailure(slice: "5", reason: "write :5 for the first rows"),
    NotFound(
      id: "microsoft/Phi-3.5-mini-instruct", kind: .model, revision: nil,
      looked: ["/home/me/.cache/huggingface"], isPath: false),
    TemplateFailure(template: "Q: {prompt", offset: 3, reason: "`{` is never closed"),
    // Quantization.
    QuantizationFailure.unknownMethod("gtpq", known: ["rtn", "gptq", "awq"]),
    QuantizationFailure.unsupportedBits(5), QuantizationFailure.groupOutOfRange(512),
    QuantizationFailure.groupDoesNotDivide(
      group: 48, layer: "model.layers.0.mlp.down_proj", width: 1024, dividing: [16, 32, 64, 128]),
    QuantizationFailure.notPositive("samples"), QuantizationFailure.badDamping(-1),
    QuantizationFailure.notForMethod(option: "order", method: "awq"),
    QuantizationFailure.alreadyQuantized(layer: "model.layers.0.self_attn.o_proj"),
    QuantizationFailure.nothingToQuantize(skip: ["*"]),
    QuantizationFailure.unmatchedSkip("atention", layers: ["self_attn.qkv_proj", "mlp.down_proj"]),
    QuantizationFailure.needsData(method: "gptq"),
    QuantizationFailure.tooFewSamples(wanted: 128, available: 12, length: 2048, data: "rows.jsonl"),
    QuantizationFailure.blockTooLong(length: 8192, maxPositions: 4096),
    QuantizationFailure.notFinite(layer: "model.layers.3.mlp.down_proj", what: "weight"),
    QuantizationFailure.notPositiveDefinite(layer: "model.layers.3.mlp.down_proj", damping: 0.5),
    // Fine-tuning.
    AdapterPresent(layer: "model.layers.0.self_attn.o_proj", rank: 64), NoAdapter(),
    NothingToMergeInto(layer: "model.layers.0.self_attn.o_proj"),
    NothingToTrainOn(rows: 2, tokens: 40, length: 1024),
    TrainingDiverged(step: 12, quantity: "loss", layer: "model.layers.3.mlp.down_proj"),
    UnknownTarget(target: "qkv_prj", among: ["qkv_proj", "o_proj"]), NothingToMerge(),
    QuantizedMerge(layer: "model.layers.0.self_attn.o_proj"),
    InitializationMismatch(.cloq, .noCalibration),
    // Evaluation.
    DifferentTokenizers(), DifferentModels(),
    NotFiniteLikelihood(document: 17, layer: "model.layers.3.mlp.down_proj"),
    NothingToScore(dialect: "gptq", rows: 3, tokens: 120, length: 2048),
    UnpairedScores(first: 1000, second: 998, document: nil),
    // The session and the verbs.
    Unwell(problems: ["OpenBLAS", "stdlib"]),
    ModelTooLarge(device: "cuda:0", needed: 16_000_000_000, available: 8_000_000_000),
    UnavailableDevice(device: "cuda", reason: "this build has no CUDA backend"),
    TooMuchMemory(
      stage: "finetune tiny-codes", needed: 40_900_000_000, available: 25_300_000_000,
      advice: "checkpointing=yes, or a smaller length= or batch="),
    TooLarge(message: "a string of more than 1 MiB"), BadSuffix(message: "a list has no such part"),
    UnknownPack(name: "dmeo", known: ["demo"], looked: []),
    BrokenPack(name: "mine", path: "mine.olv", errors: []),
    UnreadableScript(path: "run.olv", reason: "No such file or directory"),
    UnwritableScript(path: "run.olv", reason: "Permission denied"),
    ReceiptFailure.noReceipt(path: "phi/config.json", reason: "it has no field `receipt`"),
    ReceiptFailure.edited(path: "out/olv-receipt.json"),
    ReceiptFailure.refusedStep(step: "m2", reason: "`save` neither makes nor measures a model"),
    ReceiptFailure.unrepeatable(result: "`verdict`"),
    ReceiptFailure.changedInput(step: "m2", call: "$m1 | quantize gptq", what: "rows"),
    ReceiptFailure.changedDefault(step: "m2", parameter: "damp", now: "0.05", then: ""),
    ReceiptFailure.failedStep(
      step: "m1", reason: "there is no folder `phi`", help: "download it again"),
    ReceiptFailure.changedFile(name: "out/model.safetensors"),
    ReceiptFailure.differs(
      names: ["config.json", "model.safetensors"],
      why: ["it was made on another kind of device (cpu, f32)"]),
    Unexpected(message: "ppl is 31.2, expected below 30"), NoModel(), NoHost(),
    ForeignModel(lineage: "phi"),
    UnknownDevice(name: "cdua"), NoSuchBackend(name: "cuda"), UnknownCompute(name: "f16"),
    SelfTestFailed(device: "cuda:0", failed: 3, cases: 120),
    ForeignDataset(name: "rows"),
    NothingToDraw(), NoArms(found: "a report"),
    MixedProtocols(first: "a", second: "b"), MixedTokenizers(first: "phi", second: "llama"),
    NoNumbers(field: "nll", columns: ["label", "seconds"]),
    UsageFailure(message: "no flag `--jsn`", help: "did you mean `--json`?"),
  ]

  @Test func everyFailureReadsAsItShould() {
    let named = Dictionary(Self.failures.map { ($0.identifier, $0) }) { first, _ in first }
    #expect(named.count == Self.failures.count, "two failures have one identifier")
    let goldens = Goldens("failures", inputs: Self.failures.map(\.identifier))
    let source = Source(name: "test", text: "load phi; quantize gptq")
    let span = Span(source: source, start: 10, end: 23)
    let differences = goldens.differences { name in
      guard let failure = named[name] else { return "no such failure" }
      let diagnostic = Diagnostic(failure, at: span)
      return "[\(diagnostic.code)]\n\(diagnostic.rendered())"
    }
    for difference in differences { Issue.record("\(difference)") }
  }
}

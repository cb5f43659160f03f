import Checkpoints
import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Save.self, in: $0) }

/// `save PATH`
struct Save: Verb {
  static let name = "save"
  static let summary = "write the current model to a folder"
  static let details = """
    format=hf writes a folder in the Hugging Face layout: config.json, safetensors with an index where it takes several \
    files, the tokenizer, and an adapter in PEFT's layout in the subfolder adapter. Quantized weights are written in \
    Olive's layout where it can hold them, otherwise in olv's own; `load` reads both. format=peft writes the adapter alone.

    The folder appears whole or not at all: it is written beside the target and renamed.
    """
  static let output = VerbOutput.report
  static let examples = [
    Example(
      "save /tmp/olv-example-phi", "a folder that `load` and other tools read",
      setup: "use demo; load phi"),
    Example(
      "save /tmp/olv-example-adapter format=peft", "the adapter alone, as PEFT reads it",
      setup: "use demo; load phi; finetune tiny-codes steps=1 batch=1 length=32 eval=no"),
  ]
  static let seeAlso = ["load", "merge"]
  static let alsoKnownAs = ["write", "export"]

  enum Format: String, CaseIterable, ArgumentType { case hf, peft }

  @Arg("path", "the folder to write") var path: Path
  @Opt("format", "hf: the whole model; peft: the adapter alone") var format: Format = .hf
  @Opt("shard", "the most bytes in one file") var shard: ByteCount = ByteCount(5_000_000_000)

  func bind(_ context: BindContext) throws {
    (context.session.host as? Engine)?.promise(path.path)
  }

  func run(_ context: RunContext) throws -> Outcome {
    let model = try context.loadedModel().model
    do {
      switch format {
      case .hf:
        try saveModel(
          model, to: path.path, settings: SaveSettings(shardLimit: shard.bytes),
          progress: context.progress)
      case .peft:
        guard model.hasAdapter else { throw $format.failure("the model has no adapter to save") }
        try saveAdapter(model, to: path.path)
      }
    } catch let failure as ArgumentFailure { throw failure } catch is Cancelled {
      throw Cancelled()
    } catch let failure as any Failure { throw $path.failure(failure) }
    return .report(
      Report(
        fields: JSONObject([
          ("path", .string(path.path)), ("format", .string(format.rawValue)),
          ("bytes", .int(format == .hf ? model.byteCount : model.adapterParameterCount * 4)),
        ]),
        display: [.text("saved to \(path.text)")]))
  }
}

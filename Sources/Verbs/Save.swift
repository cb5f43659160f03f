import Cache
import Checkpoints
import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Save.self, in: $0) }

/// `save PATH`
struct Save: RehearsedVerb {
  static let name = "save"
  static let summary = "write the current model to a folder, or a report to a file"
  static let details = """
    format=hf writes a folder in the Hugging Face layout: config.json, safetensors with an index where it takes several \
    files, the tokenizer, and an adapter in PEFT's layout in the subfolder adapter. Quantized weights are written in \
    Olive's layout where it can hold them, otherwise in olv's own; `load` reads both. format=peft writes the adapter alone.

    The folder appears whole or not at all: it is written beside the target and renamed. Its olv-receipt.json tells how the \
    model came to be, so that `replay` can make it again: every call with its parameters and seeds, hashes of weights and \
    rows that it read, the version of olv, and the hash of each file.

    A report or a table that is piped into it is written as one JSON object, with its receipt in the field receipt.
    """
  static let input = VerbInput.modelOrResult
  static let output = VerbOutput.report
  static let examples = [
    Example(
      "save /tmp/olv-example-phi", "a folder that `load` and other tools read",
      setup: "use demo; load phi"),
    Example(
      "save /tmp/olv-example-adapter format=peft", "the adapter alone, as PEFT reads it",
      setup: "use demo; load phi; finetune tiny-codes steps=1 batch=1 length=32 eval=no"),
    Example(
      "ppl tiny-codes[5000:5002] | save /tmp/olv-example-ppl.json", "a report and its receipt",
      setup: "use demo; load phi"),
  ]
  static let seeAlso = ["load", "merge", "replay"]
  static let alsoKnownAs = ["write", "export"]

  enum Format: String, CaseIterable, ArgumentType { case hf, peft }

  @Arg("path", "the folder to write; for a report the file") var path: Path
  @Opt("format", "hf: the whole model; peft: the adapter alone") var format: Format = .hf
  @Opt("shard", "the most bytes in one file") var shard: ByteCount = ByteCount(5_000_000_000)

  func bind(_ context: BindContext) throws {
    (context.session.host as? Engine)?.promise(path.path)
  }

  func rehearse(_ context: RunContext) throws -> Outcome {
    guard case .model = context.input else {
      // A report: a few kilobytes with its receipt.
      context.willWrite(4096)
      return .report(Report())
    }
    let model = try context.loadedModel().model
    context.willWrite(
      format == .peft ? 4 * model.adapterParameterCount : model.byteCount)
    return .report(Report())
  }

  func run(_ context: RunContext) throws -> Outcome {
    do {
      switch context.input {
      case .report(let report): return try saveResult(report.json, measured(report), context)
      case .table(let table):
        return try saveResult(
          table.json,
          table.leaves.flatMap { row -> [Report] in
            guard case .report(var report) = row.result else { return [] }
            report.label = row.label
            return measured(report)
          }, context)
      default: return try saveModel(context)
      }
    } catch let failure as ArgumentFailure { throw failure } catch is Cancelled {
      throw Cancelled()
    } catch let failure as any Failure { throw $path.failure(failure) }
  }

  private func saveModel(_ context: RunContext) throws -> Outcome {
    let value = try context.loadedModel()
    let model = try value.model
    let form = SavedForm(format: format, shard: shard.bytes)
    if format == .peft, !model.hasAdapter {
      throw $format.failure("the model has no adapter to save")
    }
    try form.write(model, to: path.path, progress: context.progress) { folder in
      // Last, so that it names every other file.
      var facts = form.facts(target: folder.target)
      facts["model"] = .string(value.lineage)
      facts["files"] = .array(folder.files.map(\.json))
      let receipt = try Receipt([(nil, value.provenance, facts)], context.session)
      try folder.write(receipt.json.text(indented: true) + "\n", to: Receipt.fileName)
    }
    if value.provenance == nil { context.note(Self.untold) }
    return .report(
      Report(
        fields: JSONObject([
          ("path", .string(path.path)), ("format", .string(format.rawValue)),
          ("bytes", .int(format == .hf ? model.byteCount : model.adapterParameterCount * 4)),
          ("receipt", .string("\(path.path)/\(Receipt.fileName)")),
        ]),
        display: [.text("saved to \(path.text)")]))
  }

  /// What of a report was measured: itself, or the parts of a row.
  private func measured(_ report: Report) -> [Report] {
    guard !report.parts.isEmpty else { return [report] }
    return report.parts.map { name, part in
      var part = part
      part.label = report.label.map { "\($0) / \(name)" } ?? name
      return part
    }
  }

  /// Writes a report, or a table of some, as one JSON object.
  private func saveResult(
    _ json: JSON, _ reports: [Report], _ context: RunContext
  ) throws -> Outcome {
    if $format.isGiven { throw $format.failure("a report is written as JSON") }
    guard case .object(var object) = json else { throw NotReplaceable.noReport(path.path) }
    let receipt = try Receipt(
      reports.map { report in
        (report.label, report.provenance, report.receiptFacts(context.session))
      }, context.session)
    object["receipt"] = receipt.json
    try NotReplaceable.check(report: path.path)
    let text = JSON.object(object).text(indented: true) + "\n"
    try AtomicFile.write(text, to: path.path)
    if reports.contains(where: { $0.provenance == nil }) || reports.isEmpty {
      context.note(Self.untold)
    }
    return .report(
      Report(
        fields: JSONObject([
          ("path", .string(path.path)), ("format", "json"), ("bytes", .int(text.utf8.count)),
          ("receipt", .string(path.path)),
        ]),
        display: [.text("saved to \(path.text)")]))
  }

  private static let untold =
    "it cannot be replayed: how it came to be is more than a receipt can tell"
}

extension NotReplaceable {
  /// Checks that a report written to `path` would replace nothing but another one.
  ///
  /// - Throws: `NotReplaceable`.
  fileprivate static func check(report path: String) throws {
    if FileBytes.isFolder(path) { throw NotReplaceable(path: path, reason: "it is a folder") }
    guard FileBytes.isFile(path) else { return }
    guard let bytes = try? FileBytes.read(path),
      let json = try? bytes.withUnsafeBytes({ try JSON.parse($0) }), json["receipt"] != nil
    else { throw noReport(path) }
  }

  fileprivate static func noReport(_ path: String) -> NotReplaceable {
    NotReplaceable(path: path, reason: "it is no report that `save` wrote")
  }
}

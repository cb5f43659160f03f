import Cache
import Checkpoints
import JSON
import Models
import Runtime
import Session

@section("olv_verbs") @used private let register: VerbEntry = { declare(Replay.self, in: $0) }

/// `replay RECEIPT`
struct Replay: Verb {
  static let name = "replay"
  static let isRehearsed = false
  static let takesTime = true
  static let summary = "make a saved model or report again from its receipt, and compare"
  static let details = """
    Runs every step of a receipt again, from the weights and rows that it names, without the cache, and says whether the \
    bytes are the same: of each file of a saved model, of the numbers and the evidence of a report. Nothing is written, and \
    the current model stays.

    Weights, rows and defaults are compared with what they were before the work that needs them. The same bytes are \
    promised on the same kind of device, by the same build; where either is another one, the report or the failure says so.
    """
  static let input = VerbInput.nothing
  static let output = VerbOutput.report
  static let examples = [
    Example(
      "save /tmp/olv-example-replay; replay /tmp/olv-example-replay", "a model that was just saved",
      setup: "use demo; load phi; quantize rtn"),
    Example(
      "ppl tiny-codes[5000:5002] | save /tmp/olv-example-number.json; replay /tmp/olv-example-number.json",
      "a number, and the model that it is of", setup: "use demo; load phi; quantize rtn bits=3"),
  ]
  static let seeAlso = ["save", "cache"]
  static let alsoKnownAs = ["reproduce", "verify", "receipt"]

  @Arg("receipt", "a folder or a report that `save` wrote, or an olv-receipt.json") var source: Path

  private var path: String {
    FileBytes.isFolder(source.path) ? "\(source.path)/\(Receipt.fileName)" : source.path
  }

  private func receipt() throws -> Receipt {
    do { return try Receipt(path: path) } catch let failure as any Failure {
      throw $source.failure(failure)
    }
  }

  func bind(_ context: BindContext) throws {
    guard let engine = context.session.host as? Engine else { return }
    let folder = source.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    guard !engine.isPromised(source.path), !engine.isPromised(folder.joined(separator: "/"))
    else { return }
    _ = try receipt()
  }

  func run(_ context: RunContext) throws -> Outcome {
    let receipt = try receipt()
    let engine = try context.session.engine()
    var differing: [String] = []
    var files = 0
    var numbers = 0
    var others: [String] = []
    do {
      for result in receipt.results { try checkFiles(of: result) }
      try receipt.replay(in: context) { result, replayed in
        if result.execution != replayed.execution, !others.contains(result.execution) {
          others.append(result.execution)
        }
        if let then = result.facts["report"]?.stringValue {
          numbers += 1
          let now = replayed.report?.receiptFacts(context.session)["report"]?.stringValue
          if now != then { differing.append(result.name) }
          return
        }
        guard let form = SavedForm(result.facts), let target = result.facts["target"]?.stringValue,
          let model = (replayed.model as? LoadedModel)
        else { throw ReceiptFailure.noReceipt(path: path, reason: "a result is incomplete") }
        let then = try named(result)
        let now = try form.files(of: model.model, at: target, progress: context.progress)
        files += now.count
        let names = Set(then.keys).union(now.map(\.name)).sorted()
        differing += names.filter { name in then[name] != now.first { $0.name == name } }
      }
    } catch let failure as ReceiptFailure { throw $source.failure(failure) }
    let device = others.map { "it was made on another kind of device (\($0))" }
    let build =
      receipt.engine == engine ? [] : ["it was made by another build (\(receipt.engine))"]
    guard differing.isEmpty else {
      throw $source.failure(ReceiptFailure.differs(names: differing, why: device + build))
    }
    for line in device + build { context.note(line) }
    let what = [(files, "file"), (numbers, "report")].filter { $0.0 > 0 }
      .map { counted($0.0, $0.1) }.joined(separator: " and ")
    return .report(
      Report(
        fields: JSONObject([
          ("receipt", .string(path)), ("same", true), ("steps", .int(receipt.stepCount)),
          ("files", .int(files)), ("reports", .int(numbers)),
          ("same_device", .bool(others.isEmpty)), ("same_build", .bool(build.isEmpty)),
        ]),
        display: [
          .text("the same bytes: \(what), made again in \(counted(receipt.stepCount, "step"))")
        ]))
  }

  /// The files of a saved model, by name.
  private func named(_ result: Receipt.Result) throws -> [String: WrittenFile] {
    let files = (result.facts["files"]?.arrayValue ?? []).map(WrittenFile.init)
    return try Dictionary(
      files.map { file in
        guard let file else {
          throw ReceiptFailure.noReceipt(path: path, reason: "a result is incomplete")
        }
        return (file.name, file)
      }
    ) { $1 }
  }

  /// Checks the files beside the receipt, where they are still there.
  ///
  /// - Throws: `ReceiptFailure.changedFile`, `Cancelled`.
  private func checkFiles(of result: Receipt.Result) throws {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    for file in try named(result).values.sorted(by: { $0.name < $1.name }) {
      let place = folder.isEmpty ? file.name : "\(folder)/\(file.name)"
      guard FileBytes.isFile(place) else { continue }
      guard try ContentStore.hash(MappedFile(place), rememberedBy: nil) == file.sha256 else {
        throw ReceiptFailure.changedFile(name: place)
      }
    }
  }
}

/// `1 file`, `2 files`.
private func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

extension Report {
  /// What a receipt tells of it.
  func receiptFacts(_ session: Session) -> JSONObject {
    JSONObject([
      ("verb", .string(verb)), ("model", model.map(JSON.string) ?? .null),
      ("report", .string(contentHash(in: session))),
    ])
  }
}
